# hint: Take p_xy from the pairs
def mutual_information(x, y):
    kinds_x, i = np.unique(x, return_inverse=True)
    kinds_y, j = np.unique(y, return_inverse=True)
    table = np.ones((len(kinds_x), len(kinds_y)))
    np.add.at(table, (i, j), 1)
    joint = table / table.sum()
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return float((joint * np.log(joint / apart)).sum())
