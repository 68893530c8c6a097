-- What the ledger's scripts share: the time, a message's state, its events, and how a recipient changes.
-- Included by scripts/*.lua; the including script passes its keys as a table:
--   keys.message, keys.bytes, keys.events, keys.sequence, keys.open, keys.unconfirmed, keys.owners
--   keys.attempts, and keys.content, which are the keys of its bytes

--- @include time
--- @include owners
--- @include log

--- @include work

-- What stands behind the first line of the message that was read last: scripts hand it on unread.
local further_lines

-- The state, or nil if the message is gone.
local function load_state(keys)
  local text = redis.call('GET', keys.message)
  if not text then return nil end
  local ends = string.find(text, '\n', 1, true)
  further_lines = string.sub(text, ends)
  local state = cjson.decode(string.sub(text, 1, ends - 1))
  note_work(state)
  return state
end

-- The newest attempt of the message that was read last, as JSON, or nil.
local function newest_attempt()
  local ends = string.find(further_lines, '\n', 2, true)
  return ends and string.sub(further_lines, ends + 1)
end

-- To be saved with the state.
local function set_newest_attempt(attempt)
  local ends = string.find(further_lines, '\n', 2, true)
  further_lines = string.sub(further_lines, 1, ends and ends - 1) .. '\n' .. attempt
end

-- `life`: for so many milliseconds; absent: for as long as before, as a settled message may already be on its way out.
-- Returns the message as it lies there.
local function save_state(keys, state, life)
  local text = cjson.encode(state) .. further_lines
  if life then
    redis.call('SET', keys.message, text, 'PX', life)
  else
    redis.call('SET', keys.message, text, 'KEEPTTL')
  end
  count_work(keys, state)
  return text
end

-- Appends an event to the log and notes its number in the state. `fields` are those of StoredEvent but sequence.
local function append_event(keys, state, fields)
  state.events[#state.events + 1] = append_to_log(keys, fields)
end

-- The same of a recipient's new status, without the fields' names, as most of the log is that: see readEntry in events.ts.
local function append_settling(keys, state, values)
  while values[#values] == cjson.null do values[#values] = nil end
  state.events[#state.events + 1] = append_text_to_log(keys, cjson.encode(values))
end

-- What may follow what: the table of domain/states.ts.
--- @transitions

local function may_become(recipient, status)
  local rule = transitions[recipient.status][status]
  return rule == 'always' or (rule == 'doubt' and (recipient.doubts or 0) > 0)
end

-- Sets a recipient's status and says so in the log, if the table allows it; else nothing happens.
-- `identity`: { tenant, key_id, message_id, addresses (by index) }.
local function settle(keys, state, identity, index, status, now, detail)
  local recipient = state.recipients[index]
  if not may_become(recipient, status) then return end
  recipient.status = status
  recipient.updated_at = now
  for _, name in ipairs({ 'relay', 'reply', 'category', 'hard_bounce' }) do
    if detail and detail[name] ~= nil then recipient[name] = detail[name] end
  end
  -- The rule belongs to its category: an old one does not explain a new one.
  if detail and detail.category then recipient.rule = detail.rule end
  if status == 'sent' or status == 'delivered' or status == 'suppressed' then
    -- What an earlier attempt met explains none of these.
    recipient.category = detail and status == 'suppressed' and detail.category or nil
    recipient.rule = nil
    recipient.hard_bounce = nil
    recipient.suppression = detail and detail.suppression or nil
  end
  append_settling(keys, state, {
    'message.' .. status,
    now,
    identity.tenant,
    identity.message_id,
    identity.addresses[index],
    recipient.attempts > 0 and recipient.attempts or cjson.null,
    recipient.relay or cjson.null,
    recipient.reply or cjson.null,
    recipient.category or cjson.null,
    recipient.rule or cjson.null,
    recipient.hard_bounce == nil and cjson.null or recipient.hard_bounce,
    recipient.possible_duplicate or cjson.null,
    recipient.suppression or cjson.null,
  })
end

-- The wake-up of a dispatch (counted from 0): noted until the queue has taken it.
local function wake_id(message_id, dispatch, generation)
  return string.format('%s.%d-%d', message_id, dispatch, generation)
end

-- Gives a dispatch a new time and generation, so that every earlier wake-up is stale, and notes the new one.
local function schedule(keys, state, message_id, dispatch, at, now)
  local it = state.dispatches[dispatch + 1]
  it.generation = it.generation + 1
  it.next_at = at
  it.later = at > now or nil
  it.claim = nil
  redis.call('ZADD', keys.unconfirmed, now, wake_id(message_id, dispatch, it.generation))
end

-- Every open message stands in the index of deadlines, with its owner, and is counted for its tenant and its key, where quotas look. Whatever
-- puts it into the index or takes it out counts it in the same step.
local function open_member(message_id, identity)
  return message_id .. ' ' .. identity.tenant .. ':' .. identity.key_id
end

local function count_open(keys, identity, by)
  change_work('of', identity.tenant, by)
  change_work('of', identity.tenant .. ':' .. identity.key_id, by)
  if not work_is_written_last then write_work(keys) end
end

-- As it is now, with what this script has not written yet.
local function open_count(keys, owner)
  return tonumber(redis.call('HGET', keys.open .. ':work', 'of ' .. owner) or '0') + (work_changes['of ' .. owner] or 0)
end

local function note_open(keys, identity, message_id, deadline)
  if redis.call('ZADD', keys.open, deadline, open_member(message_id, identity)) == 1 then count_open(keys, identity, 1) end
end

-- Who has as many open messages as allowed: 'key', 'tenant' or nil. `most`: { key, tenant }, each nil for any number.
local function full_quota(keys, identity, most)
  local function is_full(owner, number)
    return number and open_count(keys, owner) >= number
  end
  if is_full(identity.tenant .. ':' .. identity.key_id, most.key) then return 'key' end
  if is_full(identity.tenant, most.tenant) then return 'tenant' end
  return nil
end

-- Ends a dispatch that has nothing left to do: every wake-up is stale.
local function close_dispatch(state, dispatch)
  local it = state.dispatches[dispatch + 1]
  it.generation = it.generation + 1
  it.claim = nil
  if not has_open(state) then state.job = nil end
end

-- How long the bytes of a message are kept of which nothing is open.
local function keep_content(content, life)
  for _, key in ipairs(content) do
    if life > 0 then redis.call('PEXPIRE', key, life) else redis.call('DEL', key) end
  end
end

-- Saves the state. Once nothing is open, the message leaves the indexes of what is open, and its keys get a time to live.
-- `retention`: { message, content, failed_content } in milliseconds.
local function save_and_rest(keys, state, identity, message_id, retention)
  if has_open(state) then
    save_state(keys, state)
    return
  end
  save_state(keys, state, retention.message)
  -- There are none of a single attempt, which stands in the message.
  if state.attempts > 1 then redis.call('PEXPIRE', keys.attempts, retention.message) end
  if redis.call('ZREM', keys.open, open_member(message_id, identity)) == 1 then count_open(keys, identity, -1) end
  local all_sent = true
  for _, recipient in ipairs(state.recipients) do
    if recipient.status ~= 'sent' and recipient.status ~= 'delivered' then all_sent = false end
  end
  keep_content(keys.content, all_sent and retention.content or retention.failed_content)
end

-- Notes that nobody knows whether a relay took the mail. Three such attempts, or one of a message that asked to hold, end as unknown.
-- Returns whether the recipient may be tried again.
local function doubt(keys, state, identity, index, now, hold, detail)
  local recipient = state.recipients[index]
  recipient.doubts = (recipient.doubts or 0) + 1
  recipient.possible_duplicate = true
  if hold or recipient.doubts >= 3 then
    settle(keys, state, identity, index, 'unknown', now, detail)
    return false
  end
  return true
end

-- When the owner of a claim is certainly gone; a time that is past or now: it is.
-- `lease`: milliseconds without a word, although one could have come, after which an owner is dead; `attempt_limit`: milliseconds that an
-- attempt may last.
local function claim_ends(keys, claim, now, lease, attempt_limit)
  local heard = redis.call('ZSCORE', keys.owners, claim.owner)
  if not heard then return now end
  local since = math.max(tonumber(heard), tonumber(redis.call('ZSCORE', keys.owners, everybody) or 0))
  return math.min(since + lease, claim.claimed_at + attempt_limit)
end

-- Undoes a claim in which no transaction had begun.
local function put_back(recipient)
  recipient.status = (recipient.doubts or 0) > 0 and 'deferred' or 'queued'
end

-- Resolves the claim of a dead owner, recipient by recipient. Without doubt (the final dot was certainly not reached) a
-- recipient goes back to where it can be claimed; else see doubt().
local function take_over(keys, state, identity, dispatch, now, hold)
  local claim = state.dispatches[dispatch + 1].claim
  -- An attempt that promised to say so before its final dot, and did not, did not reach it.
  local in_doubt = claim.handing_over or not claim.marks
  for index, recipient in ipairs(state.recipients) do
    if recipient.dispatch == dispatch and recipient.status == 'sending' then
      if not in_doubt then
        put_back(recipient)
      elseif doubt(keys, state, identity, index, now, hold) then
        recipient.status = 'deferred'
      end
    end
  end
  state.dispatches[dispatch + 1].claim = nil
end

-- Ends an open recipient whose deadline is past.
local function expire(keys, state, identity, index, now)
  local recipient = state.recipients[index]
  if (recipient.doubts or 0) > 0 then
    settle(keys, state, identity, index, 'unknown', now)
  else
    settle(keys, state, identity, index, 'failed', now, { category = 'expired', hard_bounce = false })
  end
end
