# hint: or that one rank has twice
def second(shard, labels, start, most):
    top = shard == most[0][:, None]
    share = np.where(top, 0.0, np.exp(shard - most[0][:, None]))
    above = (shard > most[1][:, None]).sum(axis=1)
    return np.stack([share.sum(axis=1), top.any(axis=1), above])
