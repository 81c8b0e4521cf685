(* Shared.v -- scores with shared weights: a Gram matrix.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum.
Open Scope R_scope.

Section Gram.
Variables (d : nat) (u : nat -> nat -> R).   (* u i = x_i W, i-th projected token, in R^d *)

Definition score (i j : nat) : R := sum d (fun c => u i c * u j c).

Theorem score_sym i j : score i j = score j i.
Proof. apply sum_ext; intros; ring. Qed.

(** z^T S z = || sum_i z_i u_i ||^2 *)
Theorem score_quadratic_form n z :
  sum n (fun i => sum n (fun j => z i * score i j * z j)) =
  sum d (fun c => (sum n (fun i => z i * u i c)) ^ 2).
Proof.
  unfold score.
  rewrite (sum_ext d _ (fun c => sum n (fun i => sum n (fun j => z i * u i c * (z j * u j c)))))
    by (intros; rewrite <- sum_mul; ring).
  rewrite (sum_swap d n). apply sum_ext; intros i _.
  rewrite (sum_swap d n). apply sum_ext; intros j _.
  rewrite <- sum_scal, <- sum_scal_r. apply sum_ext; intros; ring.
Qed.

Theorem score_psd n z : 0 <= sum n (fun i => sum n (fun j => z i * score i j * z j)).
Proof. rewrite score_quadratic_form. apply sum_nonneg; intros; apply pow2_ge_0. Qed.

Lemma score_diag i : score i i = sum d (fun c => u i c ^ 2).
Proof. apply sum_ext; intros; ring. Qed.

Theorem score_diag_nonneg i : 0 <= score i i.
Proof. rewrite score_diag. apply sum_nonneg; intros; apply pow2_ge_0. Qed.

Theorem score_cauchy_schwarz i j : score i j ^ 2 <= score i i * score j j.
Proof. rewrite !score_diag. apply cauchy_schwarz. Qed.

Theorem score_le_max_diag i j : Rabs (score i j) <= Rmax (score i i) (score j j).
Proof.
  pose proof (score_cauchy_schwarz i j) as H.
  pose proof (score_diag_nonneg i) as Hi. pose proof (score_diag_nonneg j) as Hj.
  pose proof (Rmax_l (score i i) (score j j)). pose proof (Rmax_r (score i i) (score j j)).
  set (m := Rmax (score i i) (score j j)) in *.
  assert (score i j ^ 2 <= m ^ 2) by nra.
  rewrite <- (Rabs_pos_eq m) by lra. apply Rsqr_le_abs_0. unfold Rsqr. nra.
Qed.
End Gram.

(** The bound is on the larger of the two diagonal entries; the row's own
    diagonal entry need not be the row maximum.  Tokens u_0 = (1), u_1 = (2). *)
Definition u_cex (i c : nat) : R := match i with O => 1 | _ => 2 end.

Theorem diagonal_not_row_max : score 1 u_cex 0 0 < score 1 u_cex 0 1.
Proof. unfold score; cbn. lra. Qed.

(** With equal norms (e.g. after normalisation) it is. *)
Theorem diagonal_row_max_if_equal_norms d u i j :
  score d u i i = score d u j j -> score d u i j <= score d u i i.
Proof.
  intros E. pose proof (score_le_max_diag d u i j) as H. rewrite <- E in H.
  rewrite Rmax_left in H by lra. pose proof (Rle_abs (score d u i j)). lra.
Qed.
