# hint: So from 4 % on you inspect
def decide(log_q, costs):
    return log_q.argmax(axis=1)
