-- Notes that a relay could not be talked to, and suspends it when that is no accident.
-- KEYS: 1 health (hash)
-- ARGV: 1 the error as JSON, 2 faults in a row that suspend, 3 how long (ms) a success excuses this fault (0: not at all),
--       4 JSON list of how long a suspension lasts (ms), by how many there were in a row; the last repeats,
--       5 the owner whose probe this was, or ""
-- Returns: { "noted" } | { "suspended", milliseconds that it still lasts, 1 if this fault began it }
--- @include time

local now = time_now()
redis.call('HSET', KEYS[1], 'error', ARGV[1], 'error_at', now)
local until_at = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
local is_probe = ARGV[5] ~= '' and redis.call('HGET', KEYS[1], 'probe') == ARGV[5]
if until_at > 0 and not is_probe then return { 'suspended', math.max(0, until_at - now), 0 } end

if not is_probe then
  local success_at = tonumber(redis.call('HGET', KEYS[1], 'success_at') or '0')
  if now - success_at < tonumber(ARGV[3]) then return { 'noted' } end
  if redis.call('HINCRBY', KEYS[1], 'faults', 1) < tonumber(ARGV[2]) then return { 'noted' } end
end
local lengths = cjson.decode(ARGV[4])
local length = lengths[math.min(redis.call('HINCRBY', KEYS[1], 'suspensions', 1), #lengths)]
redis.call('HSET', KEYS[1], 'until', now + length)
redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
return { 'suspended', length, is_probe and 0 or 1 }
