-- Suppresses recipients of a message that is no longer kept.
-- KEYS: 1 events, 2 sequence, 3 what the names of the suppressions begin with
-- ARGV: 1 tenant, 2 message id, 3 SuppressionPolicy as JSON, 4 JSON list of { address, reason (bounce | complaint | unsubscribe), category, hard_bounce }
-- Returns: JSON list of booleans, whether each led to a suppression
--- @include suppression

local keys = { events = KEYS[1], sequence = KEYS[2], suppressions = KEYS[3] }
local now = time_now()
local policy = cjson.decode(ARGV[3])
local suppressed = {}
for position, it in ipairs(cjson.decode(ARGV[4])) do
  local why = { reason = it.reason, source = 'report', category = it.category, hard_bounce = it.hard_bounce, message_id = ARGV[2] }
  if it.reason == 'unsubscribe' then
    suppressed[position] = suppress(keys, ARGV[1], it.address, why, now) ~= 'unchanged'
  else
    suppressed[position] = suppress_after(keys, ARGV[1], it.address, policy, why, now) ~= 'unchanged'
  end
end
return cjson.encode(suppressed)
