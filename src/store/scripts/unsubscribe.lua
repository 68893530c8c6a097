-- A recipient leaves a mailing list: suppresses its address for that list and says so of the message, whose link was followed.
-- KEYS: 1 the message (it may be gone), 2 events, 3 sequence, 4 what suppressions' names begin with
-- ARGV: 1 tenant, 2 message id, 3 address, 4 list
-- Returns: 1 done, 0 it had left before
--- @include ledger
--- @include suppression

local keys = { message = KEYS[1], events = KEYS[2], sequence = KEYS[3], suppressions = KEYS[4] }
local tenant, message_id, address, list = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local now = time_now()
local standing = suppression_row(redis.call('HGET', suppression_keys(keys, tenant).rows, suppression_name(address, list)), now)
if standing and not standing.expires_at and suppression_ranks[standing.reason] >= suppression_ranks.unsubscribe then return 0 end

local event = {
  type = 'message.unsubscribed',
  at = now,
  tenant = tenant,
  message_id = message_id,
  recipient = address,
  suppression = { reason = 'unsubscribe', source = 'link', list = list },
}
local state = load_state(keys)
local cause
if state then
  append_event(keys, state, event)
  save_state(keys, state)
  cause = state.events[#state.events]
else
  cause = append_to_log(keys, event)
end
suppress(keys, tenant, address, { reason = 'unsubscribe', source = 'link', list = list, message_id = message_id, cause = cause }, now)
return 1
