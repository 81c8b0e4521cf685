(* Dot.v -- the recursive dot product in binary64: forward error with underflow.  *)
Require Import Reals Lra Lia Psatz ZArith.
From Flocq Require Import Core Relative Plus_error Pff2Flocq.
From Qkcheck.base Require Import Sum.
Open Scope R_scope.

Section Dot.
Let prec : Z := 53%Z.
Let emin : Z := (-1074)%Z.
Variable choice : Z -> bool.
Instance prec_pos : Prec_gt_0 prec := eq_refl.
Notation fexp := (FLT_exp emin prec).
Notation rnd := (round radix2 fexp (Znearest choice)).
Notation format := (generic_format radix2 fexp).

Definition u : R := / 2 * bpow radix2 (-53 + 1).     (* 2^-53 *)
Definition eta : R := / 2 * bpow radix2 (-1074).     (* 2^-1075 *)

Lemma u_pos : 0 < u. Proof. unfold u; pose proof (bpow_gt_0 radix2 (-53+1)); lra. Qed.
Lemma eta_pos : 0 < eta. Proof. unfold eta; pose proof (bpow_gt_0 radix2 (-1074)); lra. Qed.

Lemma format_rnd x : format (rnd x).
Proof. apply generic_format_round; [apply FLT_exp_valid|apply valid_rnd_N]; exact prec_pos. Qed.

Lemma rnd_mul z : exists d e, Rabs d <= u /\ Rabs e <= eta /\ rnd z = z * (1 + d) + e.
Proof.
  destruct (error_N_FLT radix2 emin prec eq_refl choice z) as (d & e & Hd & He & _ & H).
  exists d, e. repeat split; assumption.
Qed.

Lemma rnd_add x y : format x -> format y ->
  exists d, Rabs d <= u /\ rnd (x + y) = (x + y) * (1 + d).
Proof.
  intros Fx Fy. destruct (FLT_plus_error_N_ex radix2 emin prec choice x y Fx Fy) as (d & Hd & H).
  exists d; split; [|exact H]. eapply Rle_trans; [exact Hd|].
  apply (u_rod1pu_ro_le_u_ro radix2 prec).
Qed.

Variables x y : nat -> R.

(** acc = 0; for (i = 0; i < n; i++) acc = acc + x[i]*y[i]; *)
Fixpoint fl_dot (n : nat) : R :=
  match n with O => 0 | S m => rnd (fl_dot m + rnd (x m * y m)) end.
Definition dot n := sum n (fun i => x i * y i).
Definition absdot n := sum n (fun i => Rabs (x i * y i)).

Lemma fl_dot_format n : format (fl_dot n).
Proof. destruct n; cbn; [apply generic_format_0|apply format_rnd]. Qed.

Lemma absdot_nonneg n : 0 <= absdot n.
Proof. apply sum_nonneg; intros; apply Rabs_pos. Qed.

Lemma Rabs_mult_le a b A B : Rabs a <= A -> Rabs b <= B -> Rabs (a * b) <= A * B.
Proof. intros. rewrite Rabs_mult. apply Rmult_le_compat; auto using Rabs_pos. Qed.

Theorem dot_forward_error n :
  Rabs (fl_dot n - dot n) <= ((1 + u) ^ n - 1) * absdot n + INR n * (1 + u) ^ n * eta.
Proof.
  pose proof u_pos as Hu. pose proof eta_pos as Heta.
  induction n as [|n IH].
  - cbn. rewrite Rminus_0_r, Rabs_R0. lra.
  - destruct (rnd_mul (x n * y n)) as (d & t & Hd & Ht & Hp).
    destruct n as [|n].
    { (* the first addition, 0 + p, is exact *)
      unfold dot, absdot. cbn [fl_dot sum pow INR]. rewrite !Rplus_0_l.
      rewrite (round_generic _ _ _ (rnd (x 0%nat * y 0%nat)) (format_rnd _)), Hp.
      replace (x 0%nat * y 0%nat * (1 + d) + t - x 0%nat * y 0%nat)
        with ((x 0%nat * y 0%nat) * d + t) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
      pose proof (Rabs_pos (x 0%nat * y 0%nat)). nra. }
    destruct (rnd_add (fl_dot (S n)) (rnd (x (S n) * y (S n))) (fl_dot_format _) (format_rnd _))
      as (e & He & Hs).
    assert (E : fl_dot (S (S n)) = (fl_dot (S n) + rnd (x (S n) * y (S n))) * (1 + e)) by exact Hs.
    rewrite E, Hp. unfold dot, absdot. cbn [sum]. fold (dot (S n)) (absdot (S n)).
    change (sum n (fun i => x i * y i) + x n * y n) with (dot (S n)).
    change (sum n (fun i => Rabs (x i * y i)) + Rabs (x n * y n)) with (absdot (S n)).
    set (m := S n) in *. set (p := x m * y m) in *.
    set (G := (1 + u) ^ m) in *. set (A := absdot m) in *.
    assert (HA : 0 <= A) by apply absdot_nonneg.
    assert (HG : 1 + u <= G).
    { unfold G, m. cbn [pow]. rewrite <- (Rmult_1_r (1 + u)) at 1.
      apply Rmult_le_compat_l; [lra|]. apply pow_R1_Rle. lra. }
    assert (HD : Rabs (dot m) <= A) by apply sum_Rabs.
    replace ((fl_dot m + (p * (1 + d) + t)) * (1 + e) - (dot m + p)) with
      ((fl_dot m - dot m) * (1 + e) + dot m * e + p * ((1 + d) * (1 + e) - 1) + t * (1 + e)) by ring.
    assert (H1e : Rabs (1 + e) <= 1 + u).
    { eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_R1. lra. }
    assert (Hde : Rabs ((1 + d) * (1 + e) - 1) <= (1 + u) * (1 + u) - 1).
    { replace ((1 + d) * (1 + e) - 1) with (d + e + d * e) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. pose proof (Rabs_triang d e).
      pose proof (Rabs_mult_le d e u u Hd He). lra. }
    pose proof (Rabs_mult_le _ _ _ _ IH H1e) as B1.
    pose proof (Rabs_mult_le _ _ _ _ HD He) as B2.
    pose proof (Rabs_mult_le p _ _ _ (Rle_refl _) Hde) as B3.
    pose proof (Rabs_mult_le _ _ _ _ Ht H1e) as B4.
    eapply Rle_trans; [apply Rabs_triang|].
    eapply Rle_trans; [apply Rplus_le_compat_r, Rabs_triang|].
    eapply Rle_trans; [apply Rplus_le_compat_r, Rplus_le_compat_r, Rabs_triang|].
    rewrite S_INR. change ((1 + u) ^ S m) with ((1 + u) * G).
    assert (P3 : Rabs p * ((1 + u) * (1 + u) - 1) <= Rabs p * ((1 + u) * G - 1)).
    { apply Rmult_le_compat_l; [apply Rabs_pos|]. nra. }
    assert (P4 : eta * (1 + u) <= (1 + u) * G * eta).
    { rewrite (Rmult_comm eta). apply Rmult_le_compat_r; [lra|]. nra. }
    lra.
Qed.

Lemma gamma_bound n : INR n * u < 1 -> (1 + u) ^ n - 1 <= INR n * u / (1 - INR n * u).
Proof.
  pose proof u_pos as Hu. intros Hn.
  assert (K : (1 + u) ^ n * (1 - INR n * u) <= 1).
  { clear Hn. induction n as [|n IH]; [cbn; lra|]. rewrite S_INR. cbn [pow].
    set (P := (1 + u) ^ n) in *. set (k := INR n) in *.
    assert (0 < P) by (apply pow_lt; lra). assert (0 <= k) by apply pos_INR.
    assert (0 <= P * ((k + 1) * (u * u))) by (do 2 (apply Rmult_le_pos; [lra|]); apply Rmult_le_pos; lra).
    replace ((1 + u) * P * (1 - (k + 1) * u)) with (P * (1 - k * u) - P * ((k + 1) * (u * u))) by ring.
    lra. }
  apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  replace (INR n * u / (1 - INR n * u) * (1 - INR n * u)) with (INR n * u) by (field; lra). lra.
Qed.

(** Higham's form |fl(x.y) - x.y| <= gamma_n |x|.|y| + underflow. *)
Corollary dot_forward_error_gamma n : INR n * u < 1 ->
  Rabs (fl_dot n - dot n) <=
    INR n * u / (1 - INR n * u) * absdot n + INR n * (1 + u) ^ n * eta.
Proof.
  intros Hn. eapply Rle_trans; [apply dot_forward_error|].
  apply Rplus_le_compat_r, Rmult_le_compat_r; [apply absdot_nonneg|apply gamma_bound; exact Hn].
Qed.
End Dot.
