# hint: Measure every sum from the top of all ranks
def second(shard, labels, start, most):
    share = np.exp(shard - shard.max(axis=1, keepdims=True))
    holds = shard.max(axis=1) == most[0]
    share[holds, shard[holds].argmax(axis=1)] = 0.0
    above = (shard > most[1][:, None]).sum(axis=1)
    return np.stack([share.sum(axis=1), holds, above])
