-- Records what attempts came to. Safe to repeat: a second run finds its claim gone and changes nothing more.
-- KEYS: as in open-message.lua; 10 alone, 11 what the names of messages by their relay's own begin with
-- ARGV: 1 retention as in message.lua, 2 what suppresses for how long, as JSON (domain/suppression.ts); then for each attempt:
--   1 message id, 2 dispatch (from 0), 3 attempt,
--   4 JSON list of { recipient (index from 0), kind, reply, category, hard_bounce, personal, relay, relay_message }, where kind is
--     sent | bounced | failed | deferred | queued (no transaction had begun) | doubt
--   5 milliseconds until what is still open is tried again, 6 what counts up: "tries", "faults" or "" ,
--   7 the attempt as JSON for the history, or ""
-- Returns for each: { "gone" } | { "recorded", generation or 0 where nothing is open, next time (ms), now, the last event's sequence number }
--   | { "fault", text }
--- @include batch
--- @include open-message
--- @include suppression

local retention = cjson.decode(ARGV[1])
local now = time_now()

local function in_history(attempt_json)
  if newest_attempt() == attempt_json then return true end
  for _, earlier in ipairs(redis.call('LRANGE', keys.attempts, -10, -1)) do
    if earlier == attempt_json then return true end
  end
  return false
end

local function suppress_bounced(index, outcome)
  suppress_after(keys, identity.tenant, identity.addresses[index], cjson.decode(ARGV[2]), {
    reason = 'bounce',
    source = 'delivery',
    category = outcome.category,
    hard_bounce = outcome.hard_bounce,
    message_id = message_id,
    cause = state.events[#state.events],
  }, now)
end

local function record_attempt(at)
  open_message(ARGV[at + 1])
  if not state then return { 'gone' } end
  local dispatch = tonumber(ARGV[at + 2])
  local it = state.dispatches[dispatch + 1]
  local current = it.claim and it.claim.attempt == tonumber(ARGV[at + 3])
  local hold = state.hold
  local history = ARGV[at + 7]

  if history ~= '' and (current or not in_history(history)) then
    local earlier = newest_attempt()
    if earlier and redis.call('RPUSH', keys.attempts, earlier) > 99 then redis.call('LTRIM', keys.attempts, -99, -1) end
    set_newest_attempt(history)
  end

  for _, outcome in ipairs(cjson.decode(ARGV[at + 4])) do
    local index = outcome.recipient + 1
    local recipient = state.recipients[index]
    if outcome.kind == 'sent' then
      -- A late 250 wins over whatever was supposed meanwhile, except over another end.
      settle(keys, state, identity, index, 'sent', now, outcome)
      if outcome.relay_message then
        -- Lives about as long as the message: until it settles, and its retention.
        local life = retention.message + math.max(0, state.expires_at - now)
        redis.call('SET', KEYS[11] .. outcome.relay_message, message_id, 'PX', life)
      end
    elseif current and recipient.status == 'sending' and recipient.dispatch == dispatch then
      if outcome.kind == 'doubt' then
        if doubt(keys, state, identity, index, now, hold, outcome) then
          settle(keys, state, identity, index, 'deferred', now, outcome)
        end
      elseif outcome.kind == 'queued' then
        put_back(recipient)
        recipient.updated_at = now
      else
        settle(keys, state, identity, index, outcome.kind, now, outcome)
        if outcome.kind == 'bounced' and outcome.personal then suppress_bounced(index, outcome) end
      end
    end
  end

  local generation = 0
  if current then
    if it.deaths then
      -- Its worker lived: whatever waits for its turn alone may go.
      it.deaths = nil
      local alone = redis.call('GET', KEYS[10])
      if alone and cjson.decode(alone).name == message_id .. '.' .. ARGV[at + 2] then redis.call('DEL', KEYS[10]) end
    end
    if has_open(state, dispatch) then
      local counts = ARGV[at + 6]
      if counts == 'faults' then
        it.faults = (it.faults or 0) + 1
      else
        it.faults = nil
        if counts == 'tries' then it.tries = (it.tries or 0) + 1 end
      end
      schedule(keys, state, message_id, dispatch, now + tonumber(ARGV[at + 5]), now)
      generation = it.generation
    else
      close_dispatch(state, dispatch)
    end
  end
  save_and_rest(keys, state, identity, message_id, retention)
  return { 'recorded', generation, it.next_at, now, state.events[#state.events] }
end

work_is_written_last = true
local answers = run_batch(2, 7, record_attempt)
write_work(keys)
return answers
