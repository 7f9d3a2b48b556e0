# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that say where a node keeps its own."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  data_dir:
    description:
      - Absolute path of charon's data directory on the node, often C(.charon).
    type: path
    required: true
"""

    TESTNET = r"""
options:
  testnet:
    description:
      - A test network that charon's own table does not have, with the values of charon's C(--testnet-*) flags.
    type: dict
    suboptions:
      name:
        description: Name of the network.
        type: str
        required: true
      chain_id:
        description: Chain id of its execution chain, part of what wallets sign.
        type: int
        required: true
      fork_version:
        description: Genesis fork version, C(0x) and 8 hex digits.
        type: str
        required: true
      genesis_timestamp:
        description: Genesis time in Unix seconds.
        type: int
        required: true
"""

    # Of every module that signs terms, or sees whether they may be signed.
    HAZARDS = r"""
options:
  accept:
    description:
      - What is meant, although it is most likely a slip where validators hold real value (V(mainnet), V(gnosis)).
      - V(demo_operators), V(dead_withdrawal_address) and V(dead_fee_recipient_address) (nobody's own), V(threshold) (below two thirds of
        the operators).
    type: list
    elements: str
    default: []
  demo:
    description: Whether the operators are made up, with a policy for each before the approval.
    type: bool
    default: false
"""

    WALLET = r"""
options:
  wallet_file:
    description:
      - Path of the wallet on the node, an Ethereum key file (V3).
    type: path
    required: true
  wallet_password_file:
    description:
      - Path of the file on the node that holds the wallet's password in its first line.
    type: path
    required: true
"""

    TERMS = r"""
options:
  terms:
    description:
      - The cluster's terms.
      - Its keys are the cluster variables without C(dv_). C(dv_testnet_*) are one dictionary, C(testnet).
        C(name), C(network) or C(testnet), C(num_validators), C(threshold), C(withdrawal_addresses),
        C(fee_recipient_addresses), C(deposit_amounts) in ETH, C(compounding), C(target_gas_limit),
        C(consensus_protocol), C(operators), C(creator), C(allow_shared_operator_address).
    type: dict
    required: true
"""

    STORE = r"""
options:
  store:
    description:
      - Where the cluster's public files meet, a directory on the control node, or a store that several control nodes share.
      - A path, C(git+ssh://git@host/ceremonies.git/my-cluster) (also C(git+https://), C(git+file://); the folder behind
        C(.git) is the cluster's), C(sftp://user@host:22/ceremonies/my-cluster), or C(bundle:/media/usb/my-cluster).
    type: str
    required: true
  store_options:
    description:
      - What the store needs beside its name. Paths are on the control node.
    type: dict
    suboptions:
      branch:
        description: The branch of a git store. Left out, it is V(main).
        type: str
      push_branch:
        description: The branch that is pushed to, for consent by pull request. Left out, it is the same.
        type: str
      sign_commits:
        description: Whether commits are signed, as the user's git is set up.
        type: bool
      ssh_key_file:
        description: The private key for SSH. Left out, agent and default keys are tried.
        type: path
      known_hosts_file:
        description: The file of known SSH host keys. An unknown key is always refused.
        type: path
"""

    INBOX = r"""
options:
  inbox:
    description:
      - Public files of the store, name to text. The action plugin of the same name fills it.
    type: dict
    default: {}
"""

    COPIES = r"""
options:
  dest:
    description:
      - Where the copies of the node's backups are. A directory on the control node, or C(sftp://user@host:22/my-cluster/alice). It is made
        if it is not there. Left out, there are none.
    type: str
  dest_options:
    description:
      - What an SFTP server needs beside its name. Paths are on the control node.
    type: dict
    suboptions:
      ssh_key_file:
        description: The private key for SSH. Left out, agent and default keys are tried.
        type: path
      known_hosts_file:
        description: The file of known SSH host keys. An unknown key is always refused.
        type: path
"""

    KEYS = r"""
options:
  target:
    description:
      - Where the key shares are, or go. It has to be given.
      - V(keymanager) is the validator client itself, by its API.
      - V(files) is a directory that it reads when it is started. Files in it are ours to the byte, or it is an error. None is overwritten.
      - V(remote_signer) is Web3Signer, from which the client gets remote keys by its API.
    type: str
  client:
    description:
      - The validator client, V(lighthouse), V(lodestar), V(nimbus), V(prysm), V(teku) or V(vero). It has to be given. It is a client of
        charon's validator API.
      - V(vero) takes only what a remote signer holds, V(prysm) does not take that by its API.
    type: str
  url:
    description:
      - Its keymanager API as the node reaches it, as V(http://127.0.0.1:5062). Left out, it is where that client has it by default, on the
        node.
      - With V(http) only on the node itself.
    type: str
  token_file:
    description: Path of the file on the node with the bearer token that the client's API asks for. Needed unless O(target=files).
    type: path
  certificate_file:
    description: Path of a PEM file on the node with the certificate that the client shows. Needed with V(https), no other one is taken.
    type: path
  directory:
    description:
      - Of O(target=files) the directory on the node that the validator client reads. Left out, it is C(validator_keys/) of the data directory
        itself. Nothing is copied then, and starting the client is the loading.
      - Of O(target=remote_signer) the directory that Web3Signer reads. Left out, its API is asked instead.
    type: path
  layout:
    description:
      - What files are called in O(directory), V(charon), V(eth_docker), V(lighthouse), V(lodestar) or V(nimbus). Left out, as the client wants
        it; V(charon) for Prysm and Teku, and in the data directory.
    type: str
  owner:
    description: User and group whose the files shall be, names or numbers. Only root can give files away.
    type: str
  signer_url:
    description: Web3Signer's API as the node reaches it. Only on the node itself, since it asks nobody who he is.
    type: str
    default: http://127.0.0.1:9000
  signer_url_for_client:
    description: The same as the client reaches it. Left out, as the node does.
    type: str
  beacon_url:
    description:
      - The client's beacon node as the node reaches it, which is this node's charon, as V(http://127.0.0.1:3600). It has to answer then, and
        to be what the client was started with, where the command line of its process can be read.
      - Left out, it is what the client was started with, or else V(http://127.0.0.1:3600). Where it does not answer it is a warning.
      - With V(http) only.
    type: str
  genesis_validators_root:
    description: The genesis validators root of the chain, V(0x) and 64 hex digits, where it is a network of your own. The public ones are known.
    type: str
"""

    OPENER = r"""
options:
  identity_file:
    description:
      - Path of the identity (private key) of a recipient, on the machine of the task. A file of C(age-keygen), or an SSH private key without
        a passphrase.
    type: path
  passphrase_file:
    description:
      - Path of a file with the passphrase in its first line, on the machine of the task, in the place of O(identity_file).
    type: path
"""

    PROCESS = r"""
options:
  stay:
    description:
      - Whether a process stays on the node that answers the modules of this collection which come next in the run, instead of each
        being started anew. The action plugin of the same name asks for it, and asks it. It ends with the last of them, or when nobody
        asks for ten minutes.
    type: bool
    default: false
"""
