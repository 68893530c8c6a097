-- Halves the rate of a relay that asked for it. Once a second at most, whoever asks: twenty connections are told the same at once.
-- KEYS: 1 pace (hash)
-- ARGV: 1 interval (ms a message) at which it is sent to now, should it not be slowed down yet, 2 slowest interval (ms),
--       3 "1": only look
-- Returns: the interval now in force (ms a message, as text), "0" for none
--- @include time
--- @include slow-down

local now = time_now()
local interval = slow_interval(KEYS[1], now)
local changed_at = tonumber(redis.call('HGET', KEYS[1], 'slow_changed_at') or '0')
if ARGV[3] == '1' or now - changed_at < 1000 then return string.format('%.3f', interval) end
interval = math.min(math.max(interval, tonumber(ARGV[1])) * 2, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'slow', string.format('%.3f', interval), 'slow_changed_at', now)
redis.call('PEXPIRE', KEYS[1], 172800000)
return string.format('%.3f', interval)
