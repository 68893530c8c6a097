-- Suppresses addresses: one that a caller names, or a slice of a file.
-- KEYS: 1 what suppressions' names begin with, 2 events, 3 sequence
-- ARGV: 1 tenant, 2 JSON list of { address, and the fields of suppression.lua, suppress },
--       3 "each": an event for each that changes, or "together": one for all, so that a file's rows do not bury everybody's events
-- Returns: for each address "added" | "strengthened" | "unchanged"
--- @include suppression

local keys = { suppressions = KEYS[1], events = KEYS[2], sequence = KEYS[3] }
local now = time_now()
local outcomes = {}
local changed = 0
for index, fields in ipairs(cjson.decode(ARGV[2])) do
  fields.quiet = ARGV[3] == 'together'
  outcomes[index] = suppress(keys, ARGV[1], fields.address, fields, now)
  if outcomes[index] ~= 'unchanged' then changed = changed + 1 end
end
if ARGV[3] == 'together' and changed > 0 then
  append_to_log(keys, { type = 'suppression.added', at = now, tenant = ARGV[1], suppression = { source = 'import', imported = changed } })
end
return outcomes
