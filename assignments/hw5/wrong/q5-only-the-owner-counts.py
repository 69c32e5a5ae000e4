# hint: A rank that does not hold the label counts too
def second(shard, labels, start, most):
    share = np.exp(shard - most[0][:, None])
    holds = shard.max(axis=1) == most[0]
    share[holds, shard[holds].argmax(axis=1)] = 0.0
    mine = (labels >= start) & (labels < start + shard.shape[1])
    above = np.where(mine, (shard > most[1][:, None]).sum(axis=1), 0)
    return np.stack([share.sum(axis=1), holds, above])
