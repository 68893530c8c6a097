-- The keys, the state and the identity of one stored message, for a script about one or about many, one after the other.
-- KEYS: 1 events, 2 sequence, 3 open, 4 unconfirmed, 5 owners, then what names begin with: 6 of records, 7 of states, 8 of bytes,
--       9 of attempts, 10 of suppressions. All lie in one shard, as their names carry its tag.
--- @include ledger

local keys = {
  events = KEYS[1],
  sequence = KEYS[2],
  open = KEYS[3],
  unconfirmed = KEYS[4],
  owners = KEYS[5],
  suppressions = KEYS[10],
}
local message_id
local record_text
local state
local record
local identity

-- Reads a message: `state` is nil where it is gone.
local function open_message(id)
  message_id = id
  keys.message_id = id
  keys.record = KEYS[6] .. id
  keys.state = KEYS[7] .. id
  keys.bytes = KEYS[8] .. id
  keys.attempts = KEYS[9] .. id
  keys.all = { keys.record, keys.state, keys.attempts }
  keys.content = { keys.bytes }
  record = nil
  identity = nil
  state = nil
  record_text = redis.call('GET', keys.record)
  if record_text then state = load_state(keys) end
end

-- Decodes the record; only for scripts that go on to write events. Chunks beyond the first live and die with the first.
local function load_record()
  record = cjson.decode(record_text)
  local addresses = {}
  for index, recipient in ipairs(record.recipients) do addresses[index] = recipient.address end
  identity = { tenant = record.tenant, key_id = record.key_id, message_id = message_id, addresses = addresses }
  for chunk = 1, (record.chunks or 1) - 1 do keys.content[chunk + 1] = keys.bytes .. ':' .. chunk end
end
