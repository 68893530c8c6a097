-- Accepts messages: stores each whole or not at all.
-- KEYS: 1 events, 2 sequence, 3 open, 4 unconfirmed, 5 relays, then what names begin with: 6 of messages, 7 of bytes,
--       8 of suppressions, 9 of kept recipients
-- ARGV: 1 retention as in message.lua, for those of which no recipient is open, 2 the job that the dispatches of these messages share, then for each message:
--   1 not-after (ms, Redis time), 2 message id, 3 created at (ms), 4 expires at (ms), 5 first line up to `job` and `events`, 6 second line (document.ts),
--   7 bytes (or "" when they are stored already, with a time to live), 8 in how many chunks they are,
--   9 events as JSON, 10 wake-up ids, 11 dispatches that are open (`<number from 1> <relay> <when it is due, if it is put off, or 0>`), each
--   separated by line feeds,
--   12 name of the idempotency key, or "", 13 its value, 14 its time to live (ms),
--   15 addresses that suppressions are looked up for, separated by line feeds, 16 the message's list, or "",
--   17 "1" where no recipient is open, or "", 18 tenant, 19 key id, 20 name of the tenant's messages,
--   21, 22 how many open messages the key and the tenant may have; "": any number,
--   23 digests of recipients to be kept, or "", 24 their time to live (ms)
-- Returns for each: { "suppressed", JSON list of { position in the addresses (from 0), suppression, category } } nothing is stored
--   | { "stored", the last event's sequence number } | { "replay", idempotency value } | { "late" } | { "chunks_gone" }
--   | { "full", "key" or "tenant" } | { "fault", text }
--- @include batch
--- @include ledger
--- @include suppression

local keys = { events = KEYS[1], sequence = KEYS[2], open = KEYS[3], unconfirmed = KEYS[4], suppressions = KEYS[8] }
local job = ARGV[2]
local now = time_now()
-- Relays that are known to be in the set of all.
local known_relays = {}

local function suppressed_of(tenant, addresses, list)
  local found = {}
  local position = 0
  for address in string.gmatch(addresses, '[^\n]+') do
    local suppression, category = suppression_of(keys, tenant, address, list ~= '' and list or nil, nil, now)
    if suppression then found[#found + 1] = { position = position, suppression = suppression, category = category } end
    position = position + 1
  end
  return #found > 0 and found or nil
end

-- The keys of the bytes: the first has the name of all, as a message in one piece has no other.
local function content_keys(id, chunks)
  local names = { KEYS[7] .. id }
  for chunk = 1, chunks - 1 do names[chunk + 1] = KEYS[7] .. id .. ':' .. chunk end
  return names
end

local function accept(at)
  local id, idempotency, tenant, settled = ARGV[at + 2], ARGV[at + 12], ARGV[at + 18], ARGV[at + 17] ~= ''
  if idempotency ~= '' then
    local answer = redis.call('GET', idempotency)
    if answer then return { 'replay', answer } end
  end
  if now > tonumber(ARGV[at + 1]) then return { 'late' } end

  local suppressed = suppressed_of(tenant, ARGV[at + 15], ARGV[at + 16])
  if suppressed then return { 'suppressed', cjson.encode(suppressed) } end

  local identity = { tenant = tenant, key_id = ARGV[at + 19] }
  if not settled then
    local full = full_quota(keys, identity, { key = tonumber(ARGV[at + 21]), tenant = tonumber(ARGV[at + 22]) })
    if full then return { 'full', full } end
  end

  local content = content_keys(id, tonumber(ARGV[at + 8]))
  if ARGV[at + 7] ~= '' then
    redis.call('SET', content[1], ARGV[at + 7])
  else
    -- None may have run out while the others were being stored.
    if redis.call('EXISTS', unpack(content)) < #content then return { 'chunks_gone' } end
    for _, key in ipairs(content) do redis.call('PERSIST', key) end
  end

  local sequences = {}
  for event in string.gmatch(ARGV[at + 9], '[^\n]+') do sequences[#sequences + 1] = append_text_to_log(keys, event) end

  -- In one piece: Redis looks at every character of every text that a script makes.
  local text = ARGV[at + 5] .. ',"job":"' .. job .. '","events":[' .. table.concat(sequences, ',') .. ']}\n' .. ARGV[at + 6]
  if settled then
    local retention = cjson.decode(ARGV[1])
    redis.call('SET', KEYS[6] .. id, text, 'PX', retention.message)
    keep_content(content, retention.failed_content)
  else
    redis.call('SET', KEYS[6] .. id, text)
    note_open(keys, identity, id, ARGV[at + 4])
  end
  redis.call('ZADD', ARGV[at + 20], ARGV[at + 3], id)
  for wake in string.gmatch(ARGV[at + 10], '[^\n]+') do redis.call('ZADD', keys.unconfirmed, now, wake) end
  for number, relay, later in string.gmatch(ARGV[at + 11], '(%d+) (%S+) (%d+)') do
    if not known_relays[relay] then redis.call('SADD', KEYS[5], relay) end
    known_relays[relay] = true
    keys.message_id = id
    join_work(keys, number, { relay = relay, open = true, later = later ~= '0' and later or nil })
  end
  if ARGV[at + 23] ~= '' then redis.call('SET', KEYS[9] .. id, ARGV[at + 23], 'PX', ARGV[at + 24]) end
  if idempotency ~= '' then redis.call('SET', idempotency, ARGV[at + 13], 'PX', ARGV[at + 14]) end
  return { 'stored', sequences[#sequences] }
end

work_is_written_last = true
local answers = run_batch(2, 24, accept)
write_work(keys)
return answers
