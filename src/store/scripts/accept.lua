-- Accepts one message: stores it whole or not at all.
-- KEYS: 1 record, 2 state, 3 bytes, 4 events, 5 sequence, 6 open, 7 unconfirmed, 8 relays, 9 tenant's messages,
--       10 idempotency (or the record again, where there is none), 11 what suppressions' names begin with, 12… further chunks of the bytes, stored before with a time to live
-- ARGV: 1 not-after (ms, Redis time), 2 message id, 3 created at (ms), 4 expires at (ms), 5 record JSON,
--       6 state JSON without `events`, 7 bytes (or "" when they are stored already), 8 JSON list of events,
--       9 JSON list of wake-up ids, 10 JSON list of relay names, 11 idempotency value or "", 12 its time to live (ms),
--       13 whom suppressions are looked up for, as JSON { tenant, list, addresses }, or "",
--       14 "", or where no recipient is open: the retention as in message.lua, 15 tenant, 16 key id,
--       17 JSON { key, tenant }: how many open messages each may have; absent: any number
-- Returns: { "suppressed", JSON list of { position in the addresses (from 0), suppression, category } } nothing is stored
--   | { "stored", the last event's sequence number } | { "replay", idempotency value } | { "late" } | { "chunks_gone" }
--   | { "full", "key" or "tenant" }
--- @include ledger
--- @include suppression

if ARGV[11] ~= '' then
  local first = redis.call('GET', KEYS[10])
  if first then return { 'replay', first } end
end

local now = time_now()
if now > tonumber(ARGV[1]) then return { 'late' } end

local keys = { open = KEYS[6] }
local identity = { tenant = ARGV[15], key_id = ARGV[16] }

if ARGV[13] ~= '' then
  local asked = cjson.decode(ARGV[13])
  local found = {}
  for index, address in ipairs(asked.addresses) do
    local suppression, category = suppression_of({ suppressions = KEYS[11] }, asked.tenant, address, asked.list, nil, now)
    if suppression then found[#found + 1] = { position = index - 1, suppression = suppression, category = category } end
  end
  if #found > 0 then return { 'suppressed', cjson.encode(found) } end
end

if ARGV[14] == '' then
  local full = full_quota(keys, identity, cjson.decode(ARGV[17]))
  if full then return { 'full', full } end
end

if ARGV[7] ~= '' then
  redis.call('SET', KEYS[3], ARGV[7])
else
  -- None may have run out while the others were being stored.
  for index = 12, #KEYS do
    if redis.call('EXISTS', KEYS[index]) == 0 then return { 'chunks_gone' } end
  end
  if redis.call('PERSIST', KEYS[3]) == 0 then return { 'chunks_gone' } end
  for index = 12, #KEYS do redis.call('PERSIST', KEYS[index]) end
end

local sequences = {}
for _, event in ipairs(cjson.decode(ARGV[8])) do
  local sequence = redis.call('INCR', KEYS[5])
  redis.call('XADD', KEYS[4], string.format('%d-0', sequence), 'e', event)
  sequences[#sequences + 1] = sequence
end

redis.call('SET', KEYS[1], ARGV[5])
redis.call('SET', KEYS[2], string.sub(ARGV[6], 1, -2) .. ',"events":' .. cjson.encode(sequences) .. '}')
redis.call('ZADD', KEYS[9], ARGV[3], ARGV[2])
for _, wake in ipairs(cjson.decode(ARGV[9])) do redis.call('ZADD', KEYS[7], now, wake) end
redis.call('SADD', KEYS[8], unpack(cjson.decode(ARGV[10])))
if ARGV[14] == '' then
  note_open(keys, identity, ARGV[2], ARGV[4])
else
  keys.all = { KEYS[1], KEYS[2] }
  keys.content = { KEYS[3], unpack(KEYS, 12) }
  rest_if_settled(keys, cjson.decode(ARGV[6]), identity, ARGV[2], cjson.decode(ARGV[14]))
end
if ARGV[11] ~= '' then redis.call('SET', KEYS[10], ARGV[11], 'PX', ARGV[12]) end
return { 'stored', sequences[#sequences] }
