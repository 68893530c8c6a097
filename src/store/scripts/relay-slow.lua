-- Slows a relay down after it asked for it, or lets it come back to its pace bit by bit. Once a second at most, whoever asks.
-- KEYS: 1 pace (hash)
-- ARGV: 1 "halve" or "ease", 2 interval of its fastest configured pace (ms a message, 0: none), 3 interval at which it is being sent to now (ms),
--       4 slowest interval (ms)
-- Returns: the interval now in force (ms a message, as text), "0" for none
--- @include time

local now = time_now()
local slow = tonumber(redis.call('HGET', KEYS[1], 'slow') or '0')
local changed_at = tonumber(redis.call('HGET', KEYS[1], 'slow_changed_at') or '0')
if now - changed_at < 1000 or (ARGV[1] == 'ease' and slow == 0) then return tostring(slow) end

local configured = tonumber(ARGV[2])
if ARGV[1] == 'halve' then
  local before = slow > 0 and slow or math.max(configured, tonumber(ARGV[3]))
  slow = math.min(before * 2, tonumber(ARGV[4]))
else
  slow = slow * 0.8
end
if slow <= math.max(configured, 1) then
  redis.call('HDEL', KEYS[1], 'slow', 'slow_next', 'slow_changed_at')
  return '0'
end
redis.call('HSET', KEYS[1], 'slow', string.format('%.3f', slow), 'slow_changed_at', now)
redis.call('PEXPIRE', KEYS[1], 172800000)
return string.format('%.3f', slow)
