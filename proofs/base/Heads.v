(* Heads.v -- several heads: counts.  *)
Require Import Arith Lia.

(** h heads, each with W_Q, W_K : d_model x d_k and W_V : d_model x d_v,
    and one output projection W_O : (h * d_v) x d_model. *)
Definition mha_params (d_model h d_k d_v : nat) : nat :=
  h * (d_model * d_k + d_model * d_k + d_model * d_v) + (h * d_v) * d_model.

Theorem multihead_params_split d_model h d_k d_v :
  h * d_k = d_model -> h * d_v = d_model ->
  mha_params d_model h d_k d_v = 4 * (d_model * d_model).
Proof. unfold mha_params. intros <- Hv. nia. Qed.

(** The statement with the division the paper writes. *)
Theorem multihead_params_eq_singlehead d_model h :
  h <> 0 -> Nat.divide h d_model ->
  mha_params d_model h (d_model / h) (d_model / h) =
  mha_params d_model 1 d_model d_model.
Proof.
  intros Hh [k ->]. rewrite Nat.div_mul by exact Hh. unfold mha_params. nia.
Qed.

(** Divisibility is needed: d_model = 5, h = 2 gives strictly fewer parameters. *)
Theorem multihead_params_needs_divisibility :
  mha_params 5 2 (5 / 2) (5 / 2) <> mha_params 5 1 5 5.
Proof. vm_compute. discriminate. Qed.

(** In general the count is 4 d_model h floor(d_model / h), never larger. *)
Theorem multihead_params_le d_model h :
  h <> 0 ->
  mha_params d_model h (d_model / h) (d_model / h) <= mha_params d_model 1 d_model d_model.
Proof.
  intros Hh. unfold mha_params.
  assert (h * (d_model / h) <= d_model) by (apply Nat.mul_div_le; exact Hh). nia.
Qed.
