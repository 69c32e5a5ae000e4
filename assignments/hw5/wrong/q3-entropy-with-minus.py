# hint: what do log s and u / s give you
def finish(state):
    m, s, u = state
    return m + np.log(s), np.log(s) - u / s
