-- Leases reports that are due to be read: nobody else gets them until the lease ends.
-- KEYS: 1 pending
-- ARGV: 1 at most so many, 2 lease (ms), 3 what the names of reports begin with
-- Returns: a list of reports as JSON
--- @include time

local now = time_now()
local claimed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local text = redis.call('GET', ARGV[3] .. id)
  if text then
    -- Patched in the text: decoded and encoded again, an empty list would become an object.
    text = string.gsub(text, '"claims":(%d+)', function(claims) return '"claims":' .. tonumber(claims) + 1 end, 1)
    redis.call('SET', ARGV[3] .. id, text, 'KEEPTTL')
    redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), id)
    claimed[#claimed + 1] = text
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return claimed
