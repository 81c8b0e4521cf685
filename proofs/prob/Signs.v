(* Signs.v -- random signs: a probability space on which all that is assumed of components is true.

   Theorems about independent components of mean 0 and variance 1 would be empty if there were
   none.  Here finitely many fair coins are thrown, all outcomes equally likely; their signs are
   independent, of mean 0 and variance 1 (Rademacher's law), which is proved from the definitions,
   by counting.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure Independence Expectation Score Fourth Block.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Coins.
Variables (I : finType) (R : realType).

(* An outcome is a number below 2^(coins): the place, in the list of all of them, of the function
   that says which coins show tails.  Every set of numbers is an event. *)
Definition outcome (k : nat) : {ffun I -> bool} := nth [ffun=> false] (enum {: {ffun I -> bool}}) k.

(* All outcomes are equally likely: point masses at 0, 1, ..., each of mass 2^-(coins). *)
Definition mass : {nonneg R} :=
  NngNum (exprn_ge0 #|I| (etrans (invr_ge0 (2%:R : R)) (ler0n R 2))).

Definition uniform : {measure set nat -> \bar R} :=
  [the measure _ _ of mscale mass
    [the measure _ _ of msum (fun k => [the measure _ _ of \d_k]) (2 ^ #|I|)]].

Let all_outcomes (F : {ffun I -> bool} -> R) : \sum_(k < 2 ^ #|I|) F (outcome k) = \sum_w F w.
Proof.
by rewrite -[RHS]big_enum (big_nth [ffun=> false]) big_mkord -cardE card_ffun card_bool.
Qed.

Lemma uniformE (A : set nat) : uniform A = (2^-1 ^+ #|I| * \sum_(k < 2 ^ #|I|) \1_A (k : nat))%:E.
Proof. by rewrite /uniform/= /mscale/= /msum EFinM sumEFin. Qed.

(* The mean of a product over the coins is the product of the means over one coin. *)
Lemma product_sum (F : I -> bool -> R) :
  (2^-1 ^+ #|I| * \sum_(k < 2 ^ #|I|) \prod_i F i (outcome k i))%R =
  \prod_i (2^-1 * (F i true + F i false)).
Proof.
rewrite (all_outcomes (fun w => \prod_i F i (w i))) big_split/= prodr_const; congr (_ * _).
rewrite -(bigA_distr_bigA F)/=; apply: eq_bigr => i _.
by rewrite big_bool.
Qed.

Lemma uniformT : uniform setT = 1%E.
Proof.
rewrite uniformE; congr EFin.
rewrite (eq_bigr (fun k : 'I_(2 ^ #|I|) => \prod_(i : I) 1)) => [|k _]; last first.
  by rewrite indicE in_setT big1.
rewrite (product_sum (fun _ _ => 1)) big1// => i _.
by rewrite -[1 + 1]mulr2n mulVf// pnatr_eq0.
Qed.

(* The sign of coin i: 1 or -1. *)
Definition coin (i : I) (w : nat) : R := (-1) ^+ outcome w i.

Lemma coin_set i (B : set R) :
  Pr uniform (coin i @^-1` B) = 2^-1 * (\1_B (-1) + \1_B 1).
Proof.
rewrite /Pr uniformE/=.
pose F j (b : bool) : R := if j == i then \1_B ((-1) ^+ b) else 1.
rewrite (eq_bigr (fun w : 'I_(2 ^ #|I|) => \prod_j F j (outcome w j))) => [|w _]; last first.
  by rewrite (bigD1 i)//= {1}/F eqxx big1 ?mulr1// => j ji; rewrite /F (negbTE ji).
rewrite product_sum (bigD1 i)//= big1 ?mulr1 => [|j ji].
  by rewrite /F eqxx expr1 expr0.
by rewrite /F (negbTE ji) -[1 + 1]mulr2n mulVf// pnatr_eq0.
Qed.

Lemma coin_independent : independent uniform coin.
Proof.
split=> [//|A mA].
rewrite (eq_bigr (fun i => 2^-1 * (\1_(A i) (-1) + \1_(A i) 1))); last first.
  by move=> i _; exact: coin_set.
rewrite -(product_sum (fun i b => \1_(A i) ((-1) ^+ b))) /Pr uniformE/=.
congr (_ * _); apply: eq_bigr => w _; rewrite indicE.
case: (boolP (nat_of_ord w \in _)) => [/set_mem H|/negP H].
  by rewrite big1// => i _ /=; rewrite indicE mem_set//; exact: H.
have [i Hi] : exists i, ~ A i (coin i w).
  apply: contrapT => /forallNP N; apply: H; rewrite inE => i _.
  by apply: contrapT; exact: N.
by rewrite (bigD1 i)//= indicE memNset// mul0r.
Qed.

Lemma coin_sq i w : coin i w ^+ 2 = 1.
Proof. by rewrite /coin -exprM mulnC exprM sqrrN expr1n expr1n. Qed.

Lemma Int_coin2 i : Int uniform (fun w => coin i w ^+ 2).
Proof.
rewrite (_ : (fun w => _) = fun=> 1); first by apply: Int_cst; exact: uniformT.
by apply/funext => w; rewrite coin_sq.
Qed.

Lemma coin_mean i : Ex uniform (coin i) = 0.
Proof.
pose heads := coin i @^-1` [set 1]; pose tails := coin i @^-1` [set -1].
have n1 : (-1 : R) <> 1.
  by apply/eqP; rewrite -subr_eq0 -opprD oppr_eq0 -[1 + 1]mulr2n pnatr_eq0.
have ind (a b : R) : \1_[set a] b = (b == a)%:R :> R.
  by rewrite indicE; case: eqVneq => [->|/eqP ab]; [rewrite mem_set|rewrite memNset].
have E : coin i = (fun w => \1_heads w + (-1) * \1_tails w).
  apply/funext => w.
  rewrite -[\1_heads w]/(\1_[set 1] (coin i w) : R).
  rewrite -[\1_tails w]/(\1_[set -1] (coin i w) : R).
  rewrite !ind /coin; case: (outcome w i); rewrite ?expr1 ?expr0 ?eqxx.
    by rewrite (negbTE (introN eqP n1)) add0r mulr1.
  by rewrite eq_sym (negbTE (introN eqP n1)) mulr0 addr0.
have iE (B : set nat) : Int uniform (\1_B).
  split=> //; apply: (@le_lt_trans _ _ (\int[uniform]_w (\1_setT w)%:E)%E).
    apply: ge0_le_integral => //; first by move=> w _; rewrite lee_fin.
    move=> w _; rewrite lee_fin !indicE in_setT ger0_norm ?ler0n// ler_nat.
    by case: (_ \in _).
  by rewrite integral_indic// setIT uniformT ltry.
have EE (B : set nat) : Ex uniform (\1_B) = Pr uniform B.
  by rewrite /Ex integral_indic// setIT.
rewrite E (ExD (iE heads)); last exact: IntZ.
rewrite ExZ// !EE /heads /tails !coin_set !ind !eqxx (eq_sym 1) (negbTE (introN eqP n1)).
by rewrite add0r addr0 mulN1r subrr.
Qed.

Lemma coin_var i : Var uniform (coin i) = 1.
Proof.
rewrite /Var coin_mean.
rewrite (_ : (fun w => _) = fun=> 1); first by rewrite Ex_cst//; exact: uniformT.
by apply/funext => w; rewrite subr0 coin_sq.
Qed.

Theorem coin_standard : standard uniform coin.
Proof.
split=> [|i]; first exact: coin_independent.
by split; [exact: Int_coin2|split; [exact: coin_mean|exact: coin_var]].
Qed.
End Coins.

(* The fourth moment of a sign is 1. *)
Section Fourths.
Variables (I J : finType) (R : realType) (f : J -> I).
Hypothesis f_inj : injective f.

Theorem coins_standard4 : standard4 (uniform I R) 1 (fun j => coin R (f j)).
Proof.
split=> [|j]; first exact: (independent_sub (uniformT _ R) f_inj (coin_independent _ R)).
have e : (fun w : nat => coin R (f j) w ^+ 4) = fun=> 1.
  by apply/funext => w; rewrite (exprM _ 2 2) coin_sq expr1n.
split; first by rewrite e; apply: Int_cst; exact: uniformT.
split; [exact: coin_mean|split; [exact: coin_var|]].
by rewrite e Ex_cst//; exact: uniformT.
Qed.
End Fourths.

(* The first n coins are the query, the others the key. *)
Section Signs.
Variables (R : realType) (n : nat).
Let coins := ('I_n + 'I_n)%type.
Definition query (i : 'I_n) : nat -> R := @coin [finType of coins] R (inl i).
Definition key (i : 'I_n) : nat -> R := @coin [finType of coins] R (inr i).

Theorem signs_standard : standard (uniform [finType of coins] R) (joint query key).
Proof. by rewrite (_ : joint query key = coin R); [exact: coin_standard|apply/funext; case]. Qed.

Corollary signs_variance : Var (uniform [finType of coins] R) (score query key) = n%:R.
Proof. exact: score_variance_standard (uniformT _ R) _ _ _ signs_standard. Qed.

(* A key that is the query: no component varies alone, and the score is the constant n. *)
Corollary signs_of_itself : Var (uniform [finType of coins] R) (score query query) = 0.
Proof.
have q4 : standard4 (uniform [finType of coins] R) 1 query by apply: coins_standard4 => i j [].
by rewrite (self_score_variance (uniformT _ R) q4) subrr mulr0.
Qed.
End Signs.

(* r queries and c keys of n signs each. *)
Section BlockOfSigns.
Variables (R : realType) (r c n : nat).
Let coins := ('I_r * 'I_n + 'I_c * 'I_n)%type.
Definition queries (u : 'I_r * 'I_n) : nat -> R := @coin [finType of coins] R (inl u).
Definition keys (u : 'I_c * 'I_n) : nat -> R := @coin [finType of coins] R (inr u).

Theorem block_of_signs : standard4 (uniform [finType of coins] R) 1 queries /\
  standard4 (uniform [finType of coins] R) 1 keys /\
  independent (uniform [finType of coins] R) (joint queries keys).
Proof.
split; first by apply: coins_standard4 => u v [].
split; first by apply: coins_standard4 => u v [].
by rewrite (_ : joint queries keys = coin R); [exact: coin_independent|apply/funext; case].
Qed.
End BlockOfSigns.
