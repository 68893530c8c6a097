-- Lets one worker try a suspended relay, once its suspension is over.
-- KEYS: 1 health (hash)
-- ARGV: 1 owner, 2 how long it may take (ms)
-- Returns: 1 if it is this owner's to try, else 0
--- @include time

local now = time_now()
local until_at = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
if until_at == 0 or until_at > now then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'probe_until') or '0') > now then return 0 end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'probe_until', now + tonumber(ARGV[2]))
return 1
