-- Applies to a message what a report says of its recipients. A report changes only those that a relay had taken, or may have.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 JSON list of { recipient (index from 0), kind, reply, category, rule, hard_bounce, handed_on }, where kind
--         is bounced | complained | delivered | unsubscribed, 4 SuppressionPolicy as JSON
-- Returns: { "gone" } | { "busy" } an attempt is under way, ask again later | { "applied", JSON list of { effect, suppressed } }
--- @include message
--- @include suppression

if not state then return { 'gone' } end
local outcomes = cjson.decode(ARGV[3])
for _, outcome in ipairs(outcomes) do
  local recipient = state.recipients[outcome.recipient + 1]
  -- The relay may be quicker with its report than we with the record of its 250.
  if recipient.status == 'sending' and (recipient.doubts or 0) == 0 then return { 'busy' } end
end

local now = time_now()
local policy = cjson.decode(ARGV[4])
local was_open = has_open(state)

-- Whether a relay had taken the mail, or may have. `reported`: an earlier report ended the recipient.
local function was_taken(recipient)
  local taken = { sent = true, delivered = true, complained = true, unknown = true }
  return taken[recipient.status] or (recipient.doubts or 0) > 0 or recipient.reported
end

-- Leaving the message's list, or all mail where it has none. Returns whether that is new.
local function unsubscribe(recipient_index)
  local address = identity.addresses[recipient_index]
  local name = suppression_name(address, state.list)
  local standing = suppression_row(redis.call('HGET', suppression_keys(keys, state.tenant).rows, name), now)
  if standing and not standing.expires_at and suppression_ranks[standing.reason] >= suppression_ranks.unsubscribe then return false end
  append_event(keys, state, {
    type = 'message.unsubscribed',
    at = now,
    tenant = state.tenant,
    message_id = message_id,
    recipient = address,
    suppression = { reason = 'unsubscribe', source = 'report', list = state.list },
  })
  local fields = { reason = 'unsubscribe', source = 'report', list = state.list, message_id = message_id, cause = state.events[#state.events] }
  suppress(keys, state.tenant, address, fields, now)
  return true
end

local effects = {}
for position, outcome in ipairs(outcomes) do
  local index = outcome.recipient + 1
  local recipient = state.recipients[index]
  if not was_taken(recipient) then
    effects[position] = { effect = 'not_accepted', suppressed = false }
  elseif outcome.kind == 'unsubscribed' then
    local left = unsubscribe(index)
    effects[position] = { effect = left and 'unsubscribed' or 'unchanged', suppressed = left }
  elseif outcome.kind == 'delivered' and outcome.handed_on and recipient.status == 'bounced' then
    -- Notifications come in any order: the mail was handed on, and came back.
    effects[position] = { effect = 'unchanged', suppressed = false }
  else
    local before = #state.events
    settle(keys, state, identity, index, outcome.kind, now, outcome)
    local changed = #state.events > before
    if changed then recipient.reported = true end
    local suppressed = 'unchanged'
    if outcome.kind ~= 'delivered' then
      suppressed = suppress_after(keys, state.tenant, identity.addresses[index], policy, {
        reason = outcome.kind == 'complained' and 'complaint' or 'bounce',
        source = 'report',
        category = outcome.category,
        hard_bounce = outcome.hard_bounce,
        message_id = message_id,
        cause = changed and state.events[#state.events] or nil,
      }, now)
    end
    effects[position] = { effect = changed and outcome.kind or 'unchanged', suppressed = suppressed ~= 'unchanged' }
  end
end

for dispatch = 0, #state.dispatches - 1 do
  -- An attempt that is still under way ends by itself, and its record closes the dispatch.
  if was_open and not state.dispatches[dispatch + 1].claim and not has_open(state, dispatch) then close_dispatch(state, dispatch) end
end
if was_open then
  save_and_rest(keys, state, identity, message_id, retention)
else
  save_state(keys, state)
end
return { 'applied', cjson.encode(effects) }
