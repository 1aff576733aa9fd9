-- Takes calls from budgets. KEYS are their names; ARGV has four numbers for each: the interval in microseconds, the burst,
-- how many calls are wanted, and how long the budget is in debt at least for calls that were made unseen. A key holds the
-- time, of this server, at which its budget is whole again. The answer has three numbers for each: how many calls were
-- given, in how many microseconds the budget is whole, and in how many one more call can be given.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answer = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local wanted, owed = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local full = math.max(tonumber(redis.call('GET', key) or 0), now + owed)
  local free = math.max(0, math.floor((now + burst * interval - full) / interval))
  -- Who comes when little is left leaves some of it to others.
  local given = math.min(wanted, free, math.max(1, math.floor(free / 4)))
  full = full + given * interval
  if given > 0 or owed > 0 then
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
  end
  answer[#answer + 1] = given
  answer[#answer + 1] = full - now
  answer[#answer + 1] = math.max(0, full + interval - now - burst * interval)
end
return answer
