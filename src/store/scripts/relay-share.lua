-- Says how many of something that is counted over all workers (a relay's connections) one of them may hold. Who is not heard of
-- within the lease holds nothing any more.
-- KEYS: 1 shares (hash: owner -> "held wants expires-at")
-- ARGV: 1 owner, 2 how many it holds, 3 how many more it wants, 4 how many there are, 5 lease (ms)
-- Returns: how many it may hold; fewer than it holds: it gives some back, because others want them
--- @include time

local now = time_now()
local owner = ARGV[1]
local held = tonumber(ARGV[2])
local wanted = tonumber(ARGV[3])
local limit = tonumber(ARGV[4])

local others = 0
local claimants = 1
local others_want = false
local shares = redis.call('HGETALL', KEYS[1])
for index = 1, #shares, 2 do
  if shares[index] ~= owner then
    local count, wants, expires_at = string.match(shares[index + 1], '^(%d+) (%d+) (%d+)$')
    if tonumber(expires_at) <= now then
      redis.call('HDEL', KEYS[1], shares[index])
    else
      others = others + tonumber(count)
      claimants = claimants + 1
      if tonumber(wants) > 0 then others_want = true end
    end
  end
end

local allowed = math.min(held + wanted, math.max(0, limit - others))
if others_want then allowed = math.min(allowed, math.ceil(limit / claimants)) end

local counted = math.max(held, allowed)
local unmet = math.max(0, held + wanted - allowed)
if counted == 0 and unmet == 0 then
  redis.call('HDEL', KEYS[1], owner)
else
  redis.call('HSET', KEYS[1], owner, string.format('%d %d %d', counted, wanted > 0 and unmet or 0, now + tonumber(ARGV[5])))
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
return allowed
