-- For wrk: posts the lines of the file that is the script's argument, one a request, and prints one line of results: requests, and
-- in microseconds the duration, the median and the 99th percentile of the latency; then the number of requests that failed.

local requests, last = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, {["Content-Type"] = "application/json"}, line)
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("RESULT %d %d %f %f %d",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
