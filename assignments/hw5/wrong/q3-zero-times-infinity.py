# hint: and so is 0 times infinity
def summarise(block):
    m = block.max(axis=1)
    gap = m[:, None] - block
    return m, np.exp(-gap).sum(axis=1), (np.exp(-gap) * gap).sum(axis=1)
