-- A script that does the same for many entries, each of which has an outcome of its own. The entries' arguments follow one another in ARGV.
-- `each(at)`: works on the entry whose arguments are ARGV[at + 1], ARGV[at + 2] …, and returns its answer, a list that begins with a word.
-- Returns: a list of answers, in order; { "fault", text } where an entry's commands failed, which touches no other entry.
local function run_batch(behind, width, each)
  local answers = {}
  for at = behind, #ARGV - width, width do
    local is_done, answer = pcall(each, at)
    if not is_done then
      local text = type(answer) == 'table' and answer.err or tostring(answer)
      answer = { 'fault', text }
    end
    answers[#answers + 1] = answer
  end
  return answers
end
