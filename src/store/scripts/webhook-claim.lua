-- Leases due deliveries of one webhook to a worker. A lease that ran out (its worker died) makes its delivery due again.
-- KEYS: 1 webhook, 2 its due set, 3 its leases, 4 webhooks due, 5 webhooks
-- ARGV: 1 webhook id, 2 how many at most, 3 how many at most if the webhook is failing, 4 slots: leases at a time in the whole fleet,
--       5 length of a lease (ms), 6 life of a row (ms), 7 when to look again if it is failing and none may be taken now (ms from now)
-- Returns: { "none" } | { "claimed", webhook JSON, end of the leases (ms), event id… }
--- @include webhook

local text = redis.call('GET', KEYS[1])
if not text or redis.call('SISMEMBER', KEYS[5], ARGV[1]) == 0 then
  redis.call('ZREM', KEYS[4], ARGV[1])
  return { 'none' }
end

local now = time_now()
local slots = tonumber(ARGV[4])
for _, event_id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)) do
  redis.call('ZREM', KEYS[3], event_id)
  make_due(ARGV[1], event_id, KEYS[2], KEYS[4], now, ARGV[6])
end

local failing = cjson.decode(text).failing_since
local wanted = tonumber(failing and ARGV[3] or ARGV[2])
if wanted <= 0 then
  -- Out of the way of those that may be claimed.
  redis.call('ZADD', KEYS[4], now + tonumber(ARGV[7]), ARGV[1])
  return { 'none' }
end
wanted = math.min(wanted, slots - redis.call('ZCARD', KEYS[3]))
local taken = wanted > 0 and redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, wanted) or {}
local ends = now + tonumber(ARGV[5])
for _, event_id in ipairs(taken) do
  redis.call('ZREM', KEYS[2], event_id)
  redis.call('ZADD', KEYS[3], ends, event_id)
end
redis.call('PEXPIRE', KEYS[3], ARGV[6])
note_next(ARGV[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], slots)
if #taken == 0 then return { 'none' } end
return { 'claimed', text, ends, unpack(taken) }
