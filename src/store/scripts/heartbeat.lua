-- Notes that an owner lives. When nobody at all had been heard of for a while, Redis was away rather than everybody dead: that moment is
-- noted too, since whoever is not heard of again within a lease from then on is dead (see claim_ends), and not before.
-- KEYS: 1 owners
-- ARGV: 1 owner, 2 milliseconds of silence, of all of them, that are no chance
-- Returns: 1
--- @include time
--- @include owners

local now = time_now()
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if newest and now - tonumber(newest) > tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], now, everybody) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
-- Those that have been silent for a day are forgotten.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 86400000)
return 1
