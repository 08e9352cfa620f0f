-- ARGV: old id, new id, until when the old one is remembered or 0, seconds to live, issued, last seen,
-- idle deadline, absolute deadline, label, how many ids of before are remembered at the most.
local row = redis.call('HGET', key, ARGV[1])
local old = row and parse(row)
local ids = old and remembered(old, ARGV[6]) or {}
if drop(ARGV[1]) == 0 then
    return 0
end
if ARGV[3] ~= '0' then
    table.insert(ids, { ARGV[1], ARGV[3] })
end
while #ids > tonumber(ARGV[10]) do
    table.remove(ids, 1)
end
for _, id in ipairs(ids) do
    redis.call('HSET', key, id[1], '>' .. ARGV[2] .. ' ' .. id[2])
end
write(ARGV[2], {
    number = old and old.number or redis.call('HINCRBY', key, 'added', 1),
    issued = ARGV[5],
    seen = ARGV[6],
    idle = ARGV[7],
    absolute = ARGV[8],
    going = expires(ARGV[4]),
    previous = names(ids),
    label = ARGV[9],
})
extend(tonumber(ARGV[4]))
return 1
