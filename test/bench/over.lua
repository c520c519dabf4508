-- Prints the share of requests that took longer than 8 ms.
done = function(summary, latency)
  local over, all = 0, 0
  for i = 1, #latency do
    local value, count = latency(i)
    all = all + count
    if value > 8000 then over = over + count end
  end
  io.write(string.format("over %.9f\n", over / math.max(all, 1)))
end
