-- Lifts one suppression, and says so in the log.
-- KEYS: 1 what suppressions' names begin with, 2 events, 3 sequence
-- ARGV: 1 tenant, 2 address, 3 list, or "" for that of all mail
-- Returns: 1 lifted, 0 there is none
--- @include suppression

local keys = { suppressions = KEYS[1], events = KEYS[2], sequence = KEYS[3] }
local list = ARGV[3] ~= '' and ARGV[3] or nil
local names = suppression_keys(keys, ARGV[1])
local name = suppression_name(ARGV[2], list)
local now = time_now()
local row = suppression_row(redis.call('HGET', names.rows, name), now)
if not row then return 0 end
drop_suppression(names, name)
append_to_log(keys, suppression_event('suppression.removed', ARGV[1], ARGV[2], list, row, now))
return 1
