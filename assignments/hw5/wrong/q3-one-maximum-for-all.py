# hint: Each token has its own largest logit
def summarise(block):
    m = np.full(len(block), block.max())
    gap = np.where(block > -np.inf, block.max() - block, np.inf)
    share = np.exp(-gap)
    return m, share.sum(axis=1), (share * np.where(gap < np.inf, gap, 0)).sum(axis=1)
