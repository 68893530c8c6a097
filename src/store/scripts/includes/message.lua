-- The keys and the identity that every script about one stored message begins with.
-- KEYS: 1 record, 2 state, 3 bytes, 4 attempts, 5 events, 6 sequence, 7 open, 8 unconfirmed, 9 owners,
--       10 what suppressions' names begin with
-- ARGV: 1 message id, 2 retention as JSON { message, content, failed_content } (ms)
--- @include ledger

local message_id = ARGV[1]
local retention = cjson.decode(ARGV[2])
local keys = {
  state = KEYS[2],
  bytes = KEYS[3],
  attempts = KEYS[4],
  events = KEYS[5],
  sequence = KEYS[6],
  open = KEYS[7],
  unconfirmed = KEYS[8],
  owners = KEYS[9],
  suppressions = KEYS[10],
  all = { KEYS[1], KEYS[2], KEYS[4] },
  content = { KEYS[3] },
}

local record_text = redis.call('GET', KEYS[1])
local state = record_text and load_state(keys)
local record
local identity

-- Decodes the record; only for scripts that go on to write events. Chunks beyond the first live and die with the first.
local function load_record()
  record = cjson.decode(record_text)
  local addresses = {}
  for index, recipient in ipairs(record.recipients) do addresses[index] = recipient.address end
  identity = { tenant = record.tenant, key_id = record.key_id, message_id = message_id, addresses = addresses }
  for chunk = 1, (record.chunks or 1) - 1 do keys.content[chunk + 1] = KEYS[3] .. ':' .. chunk end
end
