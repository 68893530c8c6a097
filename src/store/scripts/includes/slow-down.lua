-- A relay that asked for it is slowed down to a message every so many milliseconds, and comes back by a fifth every second.
-- Its pace (hash) holds: slow (ms a message), slow_changed_at (ms).
local function slow_interval(pace, now)
  local slow = tonumber(redis.call('HGET', pace, 'slow') or '0')
  if slow == 0 then return 0 end
  local changed_at = tonumber(redis.call('HGET', pace, 'slow_changed_at') or '0')
  local interval = slow * 0.8 ^ math.max(0, (now - changed_at) / 1000 - 1)
  if interval >= 1 then return interval end
  redis.call('HDEL', pace, 'slow', 'slow_next', 'slow_changed_at')
  return 0
end
