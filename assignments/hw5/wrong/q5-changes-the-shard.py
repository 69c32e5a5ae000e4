# hint: what a rank is given may not
def second(shard, labels, start, most):
    above = (shard > most[1][:, None]).sum(axis=1)
    holds = shard.max(axis=1) == most[0]
    shard -= most[0][:, None]
    share = np.exp(shard)
    share[holds, shard[holds].argmax(axis=1)] = 0.0
    return np.stack([share.sum(axis=1), holds, above])
