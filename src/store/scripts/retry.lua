-- Queues failed, bounced and unknown recipients again, while the message's bytes are kept.
-- KEYS: as in message.lua; 10 relays
-- ARGV: as in message.lua; 3 JSON list of { relay, recipients: [index from 0] }, 4 life from now on (ms),
--       5 JSON { key, tenant }: how many open messages each may have; absent: any number
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "content_gone" } | { "too_late" } none is failed, bounced or unknown | { "full_key" } | { "full_tenant" }
--   | { "retried", now, state JSON }
--- @include in-time
--- @include message

if not state then return { 'gone' } end
local retriable = { failed = true, bounced = true, unknown = true }
local now = time_now()
local fresh = {}
for _, group in ipairs(cjson.decode(ARGV[3])) do
  local taken = {}
  for _, number in ipairs(group.recipients) do
    if retriable[state.recipients[number + 1].status] then taken[#taken + 1] = number + 1 end
  end
  if #taken > 0 then fresh[#fresh + 1] = { relay = group.relay, taken = taken } end
end
if #fresh == 0 then return { 'too_late' } end
if redis.call('EXISTS', keys.bytes) == 0 then return { 'content_gone' } end
-- One that is still open is counted already.
local full = not has_open(state) and full_quota(keys, identity, cjson.decode(ARGV[5]))
if full then return { 'full_' .. full } end

for _, group in ipairs(fresh) do
  local dispatch = #state.dispatches
  state.dispatches[dispatch + 1] = { relay = group.relay, generation = 0, next_at = now }
  for _, index in ipairs(group.taken) do
    local recipient = state.recipients[index]
    recipient.status = 'queued'
    recipient.dispatch = dispatch
    recipient.updated_at = now
    recipient.doubts = nil
  end
  schedule(keys, state, message_id, dispatch, now, now)
  redis.call('SADD', KEYS[10], group.relay)
end
state.expires_at = now + tonumber(ARGV[4])
append_event(keys, state, { type = 'message.retried', at = now, tenant = state.tenant, message_id = message_id })
note_open(keys, identity, message_id, state.expires_at)
redis.call('PERSIST', keys.message)
redis.call('PERSIST', keys.attempts)
for _, key in ipairs(keys.content) do redis.call('PERSIST', key) end
save_state(keys, state)
return { 'retried', now, cjson.encode(state) }
