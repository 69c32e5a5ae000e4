# hint: strictly larger than the label's
def second(shard, labels, start, most):
    share = np.exp(shard - most[0][:, None])
    holds = shard.max(axis=1) == most[0]
    share[holds, shard[holds].argmax(axis=1)] = 0.0
    above = (shard >= most[1][:, None]).sum(axis=1)
    return np.stack([share.sum(axis=1), holds, above])


def result(most, total):
    rest, tops, above = total
    return most[0] - most[1] + np.log1p(rest + (tops - 1)), above.astype(int) - 1
