(* Claims_fp.v -- what the folder fp proves, restated in full; Claims_fp.txt is what Coq makes of it.  *)
Require Import Reals.
From Qkcheck.base Require Import Sum.
From Qkcheck.fp Require Import Dot.
Open Scope R_scope.

(* The dot product, one term after the other in binary64 rounded to nearest, with gradual underflow
   and any rule for ties: |computed - exact| <= gamma_n sum |x_i y_i| + n (1 + u)^n eta. *)
Theorem recursive_dot_product choice x y n : INR n * u < 1 ->
  Rabs (fl_dot choice x y n - sum n (fun i => x i * y i)) <=
    INR n * u / (1 - INR n * u) * sum n (fun i => Rabs (x i * y i)) + INR n * (1 + u) ^ n * eta.
Proof. exact (dot_forward_error_gamma choice x y n). Qed.
