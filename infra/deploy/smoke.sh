#!/bin/sh
# Asks a deployed whybox what a stranger would ask, and says what it answered:
#     sh infra/deploy/smoke.sh https://abc123.execute-api.eu-west-1.amazonaws.com "$TOKEN"
# Charges eight requests to the token's tenant. Needs curl and awk. Exit 1 if anything is not as it should be.
set -u

if [ $# -ne 2 ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit 2
fi
url=${1%/}
token=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n_failed=0

# A table that any of the models can learn: 200 rows, the class and the number follow from a and b.
make_table() { # make_table classes|numbers FILE
    awk -v kind="$1" 'BEGIN {
        print "a,b,noise,target,training_index"
        for (i = 0; i < 200; i++) {
            a = (i * 37 % 101) / 101; b = (i * 53 % 97) / 97; noise = (i * 71 % 89) / 89
            value = 3 * a - 2 * b
            printf "%.4f,%.4f,%.4f,%s,%s\n", a, b, noise, (kind == "classes" ? (value > 0.5 ? "yes" : "no") : value), \
                (i % 10 < 7 ? "True" : "False")
        }
    }' >"$2"
}

# expect STATUS WORD WHAT curl-arguments...: one line of the answer's status and seconds, and whether WORD is in it
expect() {
    status=$1 word=$2 what=$3
    shift 3
    found=$(curl --silent --show-error --max-time 40 --output "$work/answer" --write-out '%{http_code} %{time_total}' "$@")
    if [ "${found%% *}" = "$status" ] && grep -q "$word" "$work/answer"; then
        printf 'ok      %s  %6.2f s  %s\n' "${found%% *}" "${found##* }" "$what"
    else
        n_failed=$((n_failed + 1))
        printf 'FAILED  %s (expected %s with "%s")  %s\n' "${found%% *}" "$status" "$word" "$what"
        head -c 400 "$work/answer"
        echo
    fi
}

make_table classes "$work/classes.csv"
make_table numbers "$work/numbers.csv"
printf 'a,b\n1,2,3\n' >"$work/broken.csv"

expect 200 ok "/health" "$url/health"
expect 200 openapi "/openapi.json" "$url/openapi.json"
expect 404 not-found "a path that does not exist" "$url/nothing-here"
for forged in "" "Authorization: Bearer x.y.z"; do
    found=$(curl --silent --max-time 40 --output /dev/null --write-out '%{http_code}' -X POST -H "$forged" "$url/mlclassification")
    case $found in # the gateway says 401 without the header, and 403 when the authorizer says no
        401 | 403) printf 'ok      %s            %s\n' "$found" "no entry with '${forged:-no token}'" ;;
        *) n_failed=$((n_failed + 1)) && printf 'FAILED  %s  entry with %s\n' "$found" "'${forged:-no token}'" ;;
    esac
done

bearer="Authorization: Bearer $token"
post() { # post PATH FILE WORD
    expect 200 "$3" "$1" -H "$bearer" -F "file=@$work/$2;type=text/csv" "$url$1"
}
for explain in permutation shap; do
    post "/mlclassification?base_model=RandomForestClassifier&interpretability=$explain" classes.csv y_pred
    post "/gbdtclassification?model_type=xgboost&interpretability=$explain" classes.csv y_pred
    post "/mlregression?base_model=RidgeCV&interpretability=$explain" numbers.csv y_pred
    post "/gbdtregression?model_type=xgboost&interpretability=$explain" numbers.csv y_pred
done
expect 422 csv-ragged-rows "a broken table, not charged" -H "$bearer" -F "file=@$work/broken.csv;type=text/csv" \
    "$url/mlclassification"
expect 200 remaining "/usage" -H "$bearer" "$url/usage"

[ "$n_failed" -eq 0 ] && echo "all as it should be" || echo "$n_failed answers are not as they should be"
[ "$n_failed" -eq 0 ]
