# hint: leave the block as it is
def summarise(block):
    m = block.max(axis=1)
    seen = block > -np.inf
    block -= np.where(m > -np.inf, m, 0.0)[:, None]
    share = np.exp(block)
    return m, share.sum(axis=1), -(share * np.where(seen, block, 0.0)).sum(axis=1)
