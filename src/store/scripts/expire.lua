-- Settles what is open of a message whose deadline is past. What is being sent at the moment gets to end first.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 lease (ms), 4 limit of an attempt (ms)
-- Returns: 1 all settled, 0 not yet (looked at again later)
--- @include message

-- Somebody took the message's keys away: its owner is known by the index alone, where it is among what is overdue.
local function forget_open()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', keys.open, '-inf', time_now(), 'LIMIT', 0, 1000)) do
    local id, tenant, key_id = string.match(member, '^(%S+) ([^:]*):(.*)$')
    if id == message_id and redis.call('ZREM', keys.open, member) == 1 then
      count_open(keys, { tenant = tenant, key_id = key_id }, -1)
    end
  end
end

if not state then
  forget_open()
  return 1
end
local now = time_now()
if now < state.expires_at then
  -- Only where it still stands there: it may have been settled since somebody looked.
  redis.call('ZADD', keys.open, 'XX', state.expires_at, open_member(message_id, identity))
  return 0
end
local look_again
for dispatch = 0, #state.dispatches - 1 do
  local claim = state.dispatches[dispatch + 1].claim
  local ends = claim and claim_ends(keys, claim, now, tonumber(ARGV[3]), tonumber(ARGV[4]))
  if ends and ends > now then
    look_again = math.min(look_again or ends, ends)
  else
    if claim then take_over(keys, state, identity, dispatch, now, state.hold) end
    for index, recipient in ipairs(state.recipients) do
      if recipient.dispatch == dispatch and open_statuses[recipient.status] then expire(keys, state, identity, index, now) end
    end
    close_dispatch(state, dispatch)
  end
end
if look_again then
  save_state(keys, state)
  redis.call('ZADD', keys.open, 'XX', look_again, open_member(message_id, identity))
  return 0
end
save_and_rest(keys, state, identity, message_id, retention)
return 1
