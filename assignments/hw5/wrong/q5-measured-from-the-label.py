# hint: logits in the thousands
def second(shard, labels, start, most):
    # no top needed: log1p of the sum of exp(z_k - z_y) over all others
    gaps = shard - most[1][:, None]
    at = labels - start
    mine = (at >= 0) & (at < shard.shape[1])
    share = np.exp(gaps)
    share[mine, at[mine]] = 0.0
    return np.stack([share.sum(axis=1), (gaps > 0).sum(axis=1)])


def result(most, total):
    return np.log1p(total[0]), total[1].astype(int)
