(* Claims.v -- what the folder base proves, restated in full; Claims.txt is what Coq makes of it.  *)
Require Import Reals.
From Qkcheck.base Require Import Sum Softmax Shared Heads.
Open Scope R_scope.

(* J = diag(p) - p p^T is positive semidefinite for every probability vector p. *)
Theorem jacobian_psd n p :
  (forall i, (i < n)%nat -> 0 <= p i) -> sum n p = 1 ->
  forall z, 0 <= sum n (fun i => sum n (fun j => z i * J p i j * z j)).
Proof. exact (J_psd n p). Qed.
