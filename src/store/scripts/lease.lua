-- Takes a lease, or renews one's own.
-- KEYS: 1 the lease
-- ARGV: 1 holder, 2 time to live (ms)
-- Returns: 1 held, 0 somebody else's
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
