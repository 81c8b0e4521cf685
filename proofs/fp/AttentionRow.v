(* AttentionRow.v -- forward error of one row of attention, from the query, keys and values to one
   coordinate of the output: scores, scale, shifted softmax, weighted sum.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum Softmax.
From Qkcheck.fp Require Import Arithmetic Dot ShiftedSoftmax.
Open Scope R_scope.

(** ** Exact: o = sum_j p_j v_j, p = softmax (x), x_j = C q.k_j *)
Section Exact.
Variables (n d : nat) (C : R) (q : nat -> R) (K : nat -> nat -> R) (v : nat -> R).

Definition logit (j : nat) : R := C * dot d q (K j).
Definition row : R := dot n (softmax n logit) v.
End Exact.

(** ** Computed: each operation rounded; c is the scale as stored *)
Section Computed.
Variables (rnd : R -> R) (fused : nat -> bool).

Definition computed_logit (d : nat) (c : R) (q : nat -> R) (K : nat -> nat -> R) (j : nat) : R :=
  rnd (c * computed_dot rnd fused d q (K j)).

(** e_j are the answers of the exponential for the computed logits less the largest of them. *)
Definition computed_row (n : nat) (e v : nat -> R) : R :=
  computed_dot rnd fused n (computed_softmax rnd n e) v.
End Computed.

(** Each logit is off by at most this: d + 1 roundings and the relative error rho of the scale, A a
    bound on sum_i |q_i k_ji|. *)
Definition logit_sigma (u eta : R) (d : nat) (C rho A : R) : R :=
  let g := INR (d + 1) * u + rho in Rabs C * ((g * A + INR d * eta) / (1 - g)) + eta.

(** What the row is off by to first order: 2 n roundings in the sums and divisions, the exponential,
    the shift of entries up to D + 2 sigma below the largest, and the logits. *)
Definition row_T (u eps alpha : R) (n : nat) (D sigma : R) : R :=
  2 * INR n * u + 2 * eps + INR n * alpha + 2 * u * (D + 2 * sigma) + 2 * sigma.

Section Error.
Context {format : R -> Prop} {rnd : R -> R} {u eta eps alpha : R}.
Hypothesis arith : arithmetic format rnd u eta.
Hypotheses (eps0 : 0 <= eps) (alpha0 : 0 <= alpha).
Variables (fused fused' : nat -> bool) (n d top : nat).
Variables (C c rho A D : R) (q : nat -> R) (K : nat -> nat -> R) (e v : nat -> R).

Notation x := (logit d C q K).
Notation xc := (computed_logit rnd fused d c q K).
Notation sigma := (logit_sigma u eta d C rho A).
Notation T := (row_T u eps alpha n D sigma).

Hypothesis scale : Rabs (c - C) <= rho * Rabs C.
Hypothesis rho0 : 0 <= rho.
Hypothesis size : forall j, (j < n)%nat -> absdot d q (K j) <= A.
Hypothesis spread : forall i j, (i < n)%nat -> (j < n)%nat -> x i - x j <= D.
Hypothesis top_n : (top < n)%nat.
Hypothesis top_largest : forall j, (j < n)%nat -> xc j <= xc top.
Hypothesis powers : forall j, (j < n)%nat ->
  accurate_exp format eps alpha (rnd (xc j - xc top)) (e j).
Hypothesis g_small : INR (d + 1) * u + rho < 1.
Hypothesis T_small : T < 1.

Lemma u_eta : 0 <= u /\ 0 <= eta.
Proof. split; [apply (unit_nonneg _ _ _ _ arith)|apply (underflow_nonneg _ _ _ _ arith)]. Qed.

(** ** The logits *)

(** The factors of d + 1 roundings and of the scale. *)
Lemma logit_factor : (1 + rho) * (1 + u) ^ (d + 1) <= / (1 - (INR (d + 1) * u + rho)).
Proof.
  destruct u_eta as [Hu _]. pose proof (pos_INR (d + 1)) as Hd.
  assert (0 <= INR (d + 1) * u) by (apply Rmult_le_pos; lra).
  rewrite (Rplus_comm (_ * u)). eapply Rle_trans; [|apply inv_mult; lra].
  apply Rmult_le_compat; [lra| |apply one_plus_le_inv; lra|apply pow_1_plus; lra].
  pose proof (pow_ge_1 u (d + 1) Hu). lra.
Qed.

Lemma logit_error j : (j < n)%nat -> Rabs (xc j - x j) <= sigma.
Proof.
  intros Hj. destruct u_eta as [Hu Heta]. pose proof (size j Hj) as HA.
  pose proof (absdot_nonneg d q (K j)) as H0. pose proof (Rabs_pos C) as HC.
  pose proof (pow_ge_1 u d Hu) as HG. pose proof (pos_INR d) as Hd.
  set (G := (1 + u) ^ d) in *. set (s := dot d q (K j)).
  set (b := (G - 1) * A + INR d * G * eta).
  assert (Hs : Rabs (computed_dot rnd fused d q (K j) - s) <= b).
  { eapply Rle_trans; [apply (dot_error_power arith)|]. fold G.
    apply Rplus_le_compat_r, Rmult_le_compat_l; lra. }
  assert (Hs' : Rabs s <= A) by (eapply Rle_trans; [apply dot_le_absdot|exact HA]).
  assert (Hc : Rabs c <= (1 + rho) * Rabs C).
  { replace c with ((c - C) + C) by ring. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  assert (Hb : 0 <= b) by (eapply Rle_trans; [apply Rabs_pos|exact Hs]).
  unfold computed_logit, logit. fold s. set (sc := computed_dot rnd fused d q (K j)) in *.
  pose proof (rnd_after arith (c * sc) (C * s) (Rabs C * ((1 + rho) * b + rho * A)) (Rabs C * A))
    as After.
  eapply Rle_trans; [apply After|].
  - replace (c * sc - C * s) with (c * (sc - s) + (c - C) * s) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
    apply Rle_trans with ((1 + rho) * Rabs C * b + rho * Rabs C * A); [|right; ring].
    apply Rplus_le_compat; apply Rmult_le_compat; try apply Rabs_pos; assumption.
  - rewrite Rabs_mult. apply Rmult_le_compat_l; assumption.
  - pose proof logit_factor as F. rewrite Nat.add_1_r in F. cbn [pow] in F. fold G in F.
    unfold logit_sigma. rewrite Nat.add_1_r. set (g := INR (S d) * u + rho) in *.
    set (F' := (1 + rho) * ((1 + u) * G)) in *.
    replace ((1 + u) * (Rabs C * ((1 + rho) * b + rho * A)) + u * (Rabs C * A) + eta)
      with (Rabs C * ((F' - 1) * A + F' * (INR d * eta)) + eta) by (unfold F', b; ring).
    apply Rplus_le_compat_r, Rmult_le_compat_l; [exact HC|].
    assert (g_small' : g < 1) by (unfold g; rewrite <- Nat.add_1_r; exact g_small).
    replace ((g * A + INR d * eta) / (1 - g)) with ((/ (1 - g) - 1) * A + / (1 - g) * (INR d * eta))
      by (field; lra).
    apply Rplus_le_compat; apply Rmult_le_compat_r; try lra. apply Rmult_le_pos; lra.
Qed.

Lemma computed_largest : largest n top xc (D + 2 * sigma).
Proof.
  split; [exact top_n|]. intros j Hj. split; [apply top_largest, Hj|].
  pose proof (Rabs_between _ _ (logit_error j Hj)).
  pose proof (Rabs_between _ _ (logit_error top top_n)).
  pose proof (spread top j top_n Hj). lra.
Qed.

(** ** The weights *)

Notation p := (softmax n x).
Notation w := (computed_softmax rnd n e).
Notation t := (softmax_t u eps alpha n (D + 2 * sigma)).
Notation tau := (t + 2 * sigma).

Lemma T_parts : T = INR n * u + tau /\ 0 <= INR n * u /\ 0 <= t /\ 0 <= sigma /\
  0 <= eps /\ 0 <= alpha.
Proof.
  destruct u_eta as [Hu Heta]. pose proof (pos_INR n).
  assert (Hs : 0 <= sigma) by (eapply Rle_trans; [apply Rabs_pos|apply (logit_error top top_n)]).
  assert (HD : 0 <= D) by (pose proof (spread top top top_n top_n); lra).
  assert (0 <= INR n * u) by (apply Rmult_le_pos; lra).
  assert (0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  assert (0 <= u * (D + 2 * sigma)) by (apply Rmult_le_pos; lra).
  unfold row_T, softmax_t. repeat split; lra.
Qed.

Lemma weight_error j : (j < n)%nat ->
  Rabs (w j - p j) <= (/ (1 - tau) - 1) * p j + (/ (1 - tau) * alpha + eta).
Proof.
  intros Hj. destruct u_eta as [Hu Heta]. destruct T_parts as (HT & Hnu & Ht & Hs & He & Ha).
  pose proof (softmax_error arith n top xc e (D + 2 * sigma) j eps0 alpha0
    (fun i _ => format_rnd _ _ _ _ arith _) computed_largest powers ltac:(lra) Hj) as S.
  pose proof (softmax_perturbed n x xc sigma j Hj ltac:(lra) logit_error) as [Plo Phi].
  pose proof (softmax_pos n ltac:(lia) x j) as Hp. set (p' := softmax n xc j) in *.
  set (tt := t) in *. set (sg := sigma) in *.
  assert (I1 : / (1 - 2 * sg) * / (1 - tt) <= / (1 - (tt + 2 * sg))).
  { rewrite (Rplus_comm tt). apply inv_mult; lra. }
  assert (I2 : / (1 - tt) <= / (1 - (tt + 2 * sg))) by (apply inv_mono; lra).
  assert (I3 : 1 <= / (1 - tt)) by (apply inv_ge_1; lra).
  replace (tt / (1 - tt) * p' + alpha / (1 - tt) + eta)
    with ((/ (1 - tt) - 1) * p' + / (1 - tt) * alpha + eta) in S by (field; lra).
  assert (B : Rabs (p' - p j) <= (/ (1 - 2 * sg) - 1) * p j).
  { assert (1 + 2 * sg <= / (1 - 2 * sg)) by (apply one_plus_le_inv; lra).
    apply Rabs_le. split; [|lra].
    assert ((1 + 2 * sg) * p j <= / (1 - 2 * sg) * p j) by (apply Rmult_le_compat_r; lra). lra. }
  replace (w j - p j) with ((w j - p') + (p' - p j)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert (H1 : (/ (1 - tt) - 1) * p' <= (/ (1 - tt) - 1) * (/ (1 - 2 * sg) * p j))
    by (apply Rmult_le_compat_l; lra).
  assert (H2 : / (1 - 2 * sg) * / (1 - tt) * p j <= / (1 - (tt + 2 * sg)) * p j)
    by (apply Rmult_le_compat_r; lra).
  assert (H3 : / (1 - tt) * alpha <= / (1 - (tt + 2 * sg)) * alpha)
    by (apply Rmult_le_compat_r; lra).
  lra.
Qed.

(** ** The row *)

Theorem row_error :
  Rabs (computed_row rnd fused' n e v - row n d C q K v) <=
    (T * sum n (fun j => softmax n x j * Rabs (v j))
     + (alpha + eta) * sum n (fun j => Rabs (v j)) + INR n * eta) / (1 - T).
Proof.
  destruct u_eta as [Hu Heta]. destruct T_parts as (HT & Hnu & Ht & Hs & He & Ha).
  assert (Htau : 0 <= tau) by lra. unfold computed_row, row. set (tau0 := tau) in *.
  set (i1 := / (1 - tau0)). set (beta := i1 * alpha + eta).
  assert (W : forall j, (j < n)%nat -> Rabs (w j - p j) * Rabs (v j) <=
    (i1 - 1) * (p j * Rabs (v j)) + beta * Rabs (v j)).
  { intros j Hj. rewrite <- Rmult_assoc, <- Rmult_plus_distr_r.
    apply Rmult_le_compat_r; [apply Rabs_pos|apply weight_error, Hj]. }
  set (P := sum n (fun j => p j * Rabs (v j))). set (V := sum n (fun j => Rabs (v j))).
  (* the exact weighted sum of computed weights *)
  assert (B1 : Rabs (dot n w v - dot n p v) <= (i1 - 1) * P + beta * V).
  { unfold dot. rewrite <- sum_minus. eapply Rle_trans; [apply sum_Rabs|].
    unfold P, V. rewrite <- !sum_scal, <- sum_plus. apply sum_le. intros j Hj.
    rewrite <- Rmult_minus_distr_r, Rabs_mult. apply W, Hj. }
  assert (B2 : absdot n w v <= i1 * P + beta * V).
  { unfold P, V. rewrite <- !sum_scal, <- sum_plus. apply sum_le. intros j Hj.
    rewrite Rabs_mult. specialize (W j Hj). pose proof (softmax_pos n ltac:(lia) x j) as Hp.
    assert (Rabs (w j) <= Rabs (w j - p j) + p j).
    { replace (w j) with ((w j - p j) + p j) at 1 by ring.
      eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_pos_eq (p j)); lra. }
    assert (Rabs (w j) * Rabs (v j) <= (Rabs (w j - p j) + p j) * Rabs (v j))
      by (apply Rmult_le_compat_r; [apply Rabs_pos|assumption]). lra. }
  pose proof (dot_error arith fused' n w v ltac:(lra)) as B3.
  set (i2 := / (1 - INR n * u)).
  replace (gamma u n) with (i2 - 1) in B3 by (unfold gamma, i2; field; lra).
  replace (INR n * eta / (1 - INR n * u)) with (i2 * (INR n * eta)) in B3
    by (unfold i2; field; lra).
  assert (Hi2 : 1 <= i2) by (apply inv_ge_1; lra). assert (Hi1 : 1 <= i1) by (apply inv_ge_1; lra).
  assert (HV : 0 <= V) by (apply sum_nonneg; intros; apply Rabs_pos).
  assert (HP : 0 <= P).
  { apply sum_nonneg. intros. apply Rmult_le_pos; [left; apply softmax_pos; lia|apply Rabs_pos]. }
  set (i := / (1 - T)).
  assert (I1 : i2 * i1 <= i) by (unfold i; rewrite HT; apply inv_mult; lra).
  assert (I2 : i2 <= i) by (apply inv_mono; lra).
  replace ((T * P + (alpha + eta) * V + INR n * eta) / (1 - T))
    with ((i - 1) * P + i * (alpha + eta) * V + i * (INR n * eta)) by (unfold i; field; lra).
  replace (computed_dot rnd fused' n w v - dot n p v)
    with ((computed_dot rnd fused' n w v - dot n w v) + (dot n w v - dot n p v)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert (B4 : (i2 - 1) * absdot n w v <= (i2 - 1) * (i1 * P + beta * V))
    by (apply Rmult_le_compat_l; lra).
  assert (C1 : i2 * i1 * P <= i * P) by (apply Rmult_le_compat_r; assumption).
  assert (C2 : i2 * beta <= i * (alpha + eta)).
  { unfold beta. assert (i2 * i1 * alpha <= i * alpha) by (apply Rmult_le_compat_r; assumption).
    assert (i2 * eta <= i * eta) by (apply Rmult_le_compat_r; assumption). lra. }
  assert (C3 : i2 * beta * V <= i * (alpha + eta) * V) by (apply Rmult_le_compat_r; assumption).
  assert (C4 : i2 * (INR n * eta) <= i * (INR n * eta)).
  { apply Rmult_le_compat_r; [apply Rmult_le_pos; [apply pos_INR|]|]; assumption. }
  lra.
Qed.
End Error.
