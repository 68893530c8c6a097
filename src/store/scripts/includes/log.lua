-- Appends an event to the log; returns its sequence number. `text`: StoredEvent but sequence, as JSON.
-- The including script passes keys.events and keys.sequence.
local function append_text_to_log(keys, text)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('XADD', keys.events, string.format('%d-0', sequence), 'e', text)
  return sequence
end

-- The same of fields.
local function append_to_log(keys, fields)
  return append_text_to_log(keys, cjson.encode(fields))
end
