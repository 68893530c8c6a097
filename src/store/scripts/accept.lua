-- Accepts one message: stores it whole or not at all.
-- KEYS: 1 record, 2 state, 3 bytes, 4 events, 5 sequence, 6 open, 7 unconfirmed, 8 relays, 9 tenant's messages,
--       10 idempotency (or the record again, where there is none), 11… further chunks of the bytes, stored before with a time to live
-- ARGV: 1 not-after (ms, Redis time), 2 message id, 3 created at (ms), 4 expires at (ms), 5 record JSON,
--       6 state JSON without `events`, 7 bytes (or "" when they are stored already), 8 JSON list of events,
--       9 JSON list of wake-up ids, 10 JSON list of relay names, 11 idempotency value or "", 12 its time to live (ms),
--       13 tenant, 14 key id, 15 JSON { key, tenant }: how many open messages each may have; absent: any number
-- Returns: { "stored" } | { "replay", idempotency value } | { "late" } | { "chunks_gone" } | { "full", "key" or "tenant" }
--- @include ledger

if ARGV[11] ~= '' then
  local first = redis.call('GET', KEYS[10])
  if first then return { 'replay', first } end
end

local now = time_now()
if now > tonumber(ARGV[1]) then return { 'late' } end

local keys = { open = KEYS[6] }
local identity = { tenant = ARGV[13], key_id = ARGV[14] }
local full = full_quota(keys, identity, cjson.decode(ARGV[15]))
if full then return { 'full', full } end

if ARGV[7] ~= '' then
  redis.call('SET', KEYS[3], ARGV[7])
else
  -- None may have run out while the others were being stored.
  for index = 11, #KEYS do
    if redis.call('EXISTS', KEYS[index]) == 0 then return { 'chunks_gone' } end
  end
  if redis.call('PERSIST', KEYS[3]) == 0 then return { 'chunks_gone' } end
  for index = 11, #KEYS do redis.call('PERSIST', KEYS[index]) end
end

local sequences = {}
for _, event in ipairs(cjson.decode(ARGV[8])) do
  local sequence = redis.call('INCR', KEYS[5])
  redis.call('XADD', KEYS[4], string.format('%d-0', sequence), 'e', event)
  sequences[#sequences + 1] = sequence
end

redis.call('SET', KEYS[1], ARGV[5])
redis.call('SET', KEYS[2], string.sub(ARGV[6], 1, -2) .. ',"events":' .. cjson.encode(sequences) .. '}')
note_open(keys, identity, ARGV[2], ARGV[4])
redis.call('ZADD', KEYS[9], ARGV[3], ARGV[2])
for _, wake in ipairs(cjson.decode(ARGV[9])) do redis.call('ZADD', KEYS[7], now, wake) end
redis.call('SADD', KEYS[8], unpack(cjson.decode(ARGV[10])))
if ARGV[11] ~= '' then redis.call('SET', KEYS[10], ARGV[11], 'PX', ARGV[12]) end
return { 'stored' }
