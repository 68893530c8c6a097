-- Appends an event to the log; returns its sequence number. `fields` are those of StoredEvent but sequence.
-- The including script passes keys.events and keys.sequence.
local function append_to_log(keys, fields)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('XADD', keys.events, string.format('%d-0', sequence), 'e', cjson.encode(fields))
  return sequence
end
