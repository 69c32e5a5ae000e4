# hint: all classes of a rank among them
def second(shard, labels, start, most):
    own = shard.max(axis=1)
    # measured from the rank's own top, then brought to the common one
    share = np.exp(shard - own[:, None])
    holds = own == most[0]
    share[holds, shard[holds].argmax(axis=1)] = 0.0
    rest = share.sum(axis=1) * np.exp(own - most[0])
    above = (shard > most[1][:, None]).sum(axis=1)
    return np.stack([rest, holds, above])
