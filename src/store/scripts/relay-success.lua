-- Notes that a relay works: whatever it was suspended for is over.
-- KEYS: 1 health (hash)
-- Returns: 1 if it was suspended, else 0
--- @include time

local suspended = redis.call('HEXISTS', KEYS[1], 'until')
redis.call('HSET', KEYS[1], 'success_at', time_now())
redis.call('HDEL', KEYS[1], 'faults', 'suspensions', 'until', 'probe', 'probe_until')
return suspended
