-- Notes what was read out of a report and what it changed. Who comes second, after losing his lease, changes nothing.
-- KEYS: 1 report, 2 its content, 3 pending, 4 contents, 5 reports of the tenant that it was stored for, 6 of the tenant that it belongs to
-- ARGV: 1 id, 2 report as JSON, 3 how long its content is kept from now on (ms; 0: no longer), 4 received at (ms),
--       5 how long reports are listed (ms)
-- Returns: 1 noted, 0 it was read before or is gone
--- @include time

if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
if not redis.call('SET', KEYS[1], ARGV[2], 'XX', 'KEEPTTL') then return 0 end
if KEYS[5] ~= KEYS[6] then
  redis.call('ZREM', KEYS[5], ARGV[1])
  redis.call('ZADD', KEYS[6], ARGV[4], ARGV[1])
  redis.call('PEXPIRE', KEYS[6], ARGV[5])
end
local kept = tonumber(ARGV[3])
local left = redis.call('PTTL', KEYS[2])
if kept < left then
  local member = string.format('%d %s', redis.call('STRLEN', KEYS[2]), ARGV[1])
  redis.call('ZADD', KEYS[4], 'XX', time_now() + kept, member)
  if kept > 0 then redis.call('PEXPIRE', KEYS[2], kept) else redis.call('DEL', KEYS[2]) end
end
return 1
