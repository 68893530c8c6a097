-- The keys, the state and the identity of one stored message, for a script about one or about many, one after the other.
-- KEYS: 1 events, 2 sequence, 3 open, 4 unconfirmed, 5 owners, then what names begin with: 6 of messages, 7 of bytes, 8 of attempts,
--       9 of suppressions. All lie in one shard, as their names carry its tag.
--- @include ledger

local keys = {
  events = KEYS[1],
  sequence = KEYS[2],
  open = KEYS[3],
  unconfirmed = KEYS[4],
  owners = KEYS[5],
  suppressions = KEYS[9],
}
local message_id
-- Beside what domain/message.ts says of it, the state holds what scripts go by of the record: tenant, key_id, created_at, addresses, hold, list,
-- bypass_suppressions, chunks; see document.ts.
local state
local identity

-- Reads a message: `state` is nil where it is gone. Chunks of its bytes beyond the first live and die with the first.
local function open_message(id)
  message_id = id
  keys.message_id = id
  keys.message = KEYS[6] .. id
  keys.bytes = KEYS[7] .. id
  keys.attempts = KEYS[8] .. id
  keys.content = { keys.bytes }
  state = load_state(keys)
  if not state then return end
  identity = { tenant = state.tenant, key_id = state.key_id, message_id = id, addresses = state.addresses }
  for chunk = 1, (state.chunks or 1) - 1 do keys.content[chunk + 1] = keys.bytes .. ':' .. chunk end
end
