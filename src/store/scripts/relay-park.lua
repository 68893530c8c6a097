-- Says when a dispatch that found no place may ask again: each one later than the one before, at the pace of the limit, so that
-- a backlog comes back as a file and not as a crowd.
-- KEYS: 1 pace (hash)
-- ARGV: 1 field, 2 interval (ms), 3 no sooner than this (ms from now), 4 at the latest (ms from now)
-- Returns: milliseconds from now
--- @include time

local now = time_now()
local first = now + tonumber(ARGV[3])
local at = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') + tonumber(ARGV[2]), first)
if at > now + tonumber(ARGV[4]) then at = first end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.3f', at))
redis.call('PEXPIRE', KEYS[1], 172800000)
return math.ceil(at - now)
